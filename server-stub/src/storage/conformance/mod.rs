//! What every engine must do, step by step, below the rules: run against each.
