//! Steps one after the other, each named and timed; the first failure ends them; a table at the end.

use std::time::{Duration, Instant};

use crate::run::Error;

/// How a step ended, if it did not fail.
pub(crate) enum Done {
    /// It did its work.
    Passed,
    /// It had nothing to work on, and why.
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    took: Duration,
    end: String,
}

impl Steps {
    /// Runs one step. After a failure the caller ends; [`Steps::table`] shows how far it came.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<Done, Error>,
    ) -> Result<(), Error> {
        println!("\n=== {name}");
        let begun = Instant::now();
        let done = work();
        let took = begun.elapsed();
        let end = match &done {
            Ok(Done::Passed) => "ok".to_owned(),
            Ok(Done::Skipped(why)) => format!("skipped: {why}"),
            Err(_) => "FAILED".to_owned(),
        };
        println!("=== {name}: {end}, {}", seconds(took));
        self.rows.push(Row { name, took, end });
        done.map(|_| ())
    }

    /// Every step with its time and its end, and the whole time.
    pub(crate) fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max();
        let width = width.unwrap_or_default().max("total".len());
        let mut table = String::new();
        for Row { name, took, end } in &self.rows {
            table += &format!("{name:width$}  {:>9}  {end}\n", seconds(*took));
        }
        let total = self.rows.iter().map(|row| row.took).sum();
        table + &format!("{:width$}  {:>9}", "total", seconds(total))
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_passed_what_was_skipped_and_what_failed() {
        let mut steps = Steps::default();
        steps.step("format", || Ok(Done::Passed)).unwrap();
        let skipped = || Ok(Done::Skipped("no database".to_owned()));
        steps.step("advisories", skipped).unwrap();
        let failed = || Err(Error::Told("two are wrong".to_owned()));
        steps.step("tests", failed).unwrap_err();

        let table = steps.table();
        let rows: Vec<_> = table.lines().collect();
        assert_eq!(rows.len(), 4);
        assert!(rows[0].starts_with("format") && rows[0].ends_with("ok"));
        assert!(rows[1].ends_with("skipped: no database"));
        assert!(rows[2].ends_with("FAILED"));
        assert!(rows[3].starts_with("total"));
    }
}
