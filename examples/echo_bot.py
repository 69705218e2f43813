"""Says back what it is told: `python echo_bot.py http://127.0.0.1:8080`, with its store in this folder."""

import asyncio
import sys

from sealwire import Client, FileKeyStore, SealwireError, event


async def main(relay: str) -> None:
    # Offline until somebody listens: nothing that waited for the bot is missed.
    async with Client.open(relay, "echo.db", FileKeyStore("echo.keys"), start_offline=True) as bot:
        news = bot.events()
        if bot.account() is None:
            await bot.register("echo")
        await bot.go_online()
        async for happened in news:
            match happened:
                case event.MessageReceived(message) if message.text and message.sender != "echo":
                    await bot.send_text(message.thread, message.text)


if len(sys.argv) != 2:
    sys.exit("usage: python echo_bot.py RELAY, such as http://127.0.0.1:8080")
try:
    asyncio.run(main(sys.argv[1]))
except KeyboardInterrupt:
    print("echo_bot.py ends; what comes now is said back when it is started again")
except SealwireError as why:
    sys.exit(f"echo_bot.py: {why}")
