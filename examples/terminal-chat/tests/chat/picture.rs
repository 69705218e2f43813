//! The picture in the guide, drawn from a real conversation. `SEALWIRE_PICTURES=<folder>` says where to write it.

use crate::person::Person;
use crate::{relay, two_people};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;

/// A cell in the picture, in units of SVG.
const CELL: (usize, usize) = (9, 18);

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_picture_is_of_a_real_conversation() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    let mut carol = Person::open(&relay).await;
    carol.register("carol").await;
    bob.write_to("alice", "Are you coming tonight?").await;
    alice.sees("Are you coming").await;
    alice.press("<Enter>").await;
    alice.sees("┌ bob").await;
    alice.press("On my way, with cake 🎂<Enter>").await;
    bob.sees("cake").await;
    alice.sees("✓✓ read").await;
    carol.write_to("alice", "Lunch tomorrow?").await;
    alice.sees("carol (1)").await;
    bob.press("Save me a ").await;
    alice.sees("bob is typing").await;
    let picture = svg(&alice.buffer());
    assert!(picture.contains("tonight?") && picture.contains("</svg>"));
    if let Some(folder) = std::env::var_os("SEALWIRE_PICTURES") {
        std::fs::write(
            std::path::Path::new(&folder).join("terminal-chat.svg"),
            picture,
        )
        .unwrap();
    }
    carol.close().await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

/// The buffer as a picture: runs of cells with one style become one text.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = (
        usize::from(buffer.area.width),
        usize::from(buffer.area.height),
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"DejaVu Sans Mono, Menlo, monospace\" font-size=\"15\" xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" fill=\"#14161a\"/>\n",
        width * CELL.0,
        height * CELL.1
    );
    for (y, row) in buffer.content().chunks(width).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let style = look(&row[x]);
            let end = (x..row.len())
                .find(|at| look(&row[*at]) != style)
                .unwrap_or(row.len());
            let text: String = row[x..end].iter().map(Cell::symbol).collect();
            run(&mut out, (x, y), end - x, style, &text);
            x = end;
        }
    }
    out.push_str("</svg>\n");
    out
}

type Look = (&'static str, &'static str, bool);

fn run(out: &mut String, (x, y): (usize, usize), cells: usize, look: Look, text: &str) {
    let (left, top, width) = (x * CELL.0, y * CELL.1, cells * CELL.0);
    if look.1 != "none" {
        writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{}\"/>",
            CELL.1, look.1
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if look.2 { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" textLength=\"{width}\" fill=\"{}\"{weight}>{text}</text>",
        top + 14,
        look.0
    )
    .unwrap();
}

fn look(cell: &Cell) -> Look {
    (
        color(cell.fg).unwrap_or("#d7dae0"),
        color(cell.bg).unwrap_or("none"),
        cell.modifier.contains(Modifier::BOLD),
    )
}

fn color(color: Color) -> Option<&'static str> {
    Some(match color {
        Color::Black => "#000000",
        Color::White => "#ffffff",
        Color::Gray => "#a0a6b0",
        Color::DarkGray => "#6b7280",
        Color::Red => "#f87171",
        Color::Green => "#4ade80",
        Color::Yellow => "#facc15",
        Color::Blue => "#60a5fa",
        Color::Magenta => "#e879f9",
        Color::Cyan => "#22d3ee",
        Color::Indexed(_) => "#2b2f36",
        _ => return None,
    })
}
