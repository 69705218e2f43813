mod durability;
mod opening;
