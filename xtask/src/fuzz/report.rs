//! What a fuzzer said of its run, as a row of a table.

/// One run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) name: String,
    executions: String,
    a_second: String,
    /// Edges of the instrumented code that were taken.
    coverage: String,
    heap: String,
    /// Where the input lies that broke something, and what broke.
    pub(super) find: Option<String>,
}

impl Report {
    /// From the lines of libFuzzer, and those of the targets about the heap.
    pub(super) fn of(name: &str, text: &str) -> Self {
        let last = |prefix: &str| {
            let mut values = text.lines().filter_map(|line| line.strip_prefix(prefix));
            values.next_back().map(|value| value.trim().to_owned())
        };
        let coverage = text.lines().rev().find_map(|line| {
            let (_, rest) = line.split_once(" cov: ")?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        let written = text.lines().find_map(|line| {
            let (_, path) = line.split_once("Test unit written to ")?;
            Some(format!("{path} ({})", broke(text)))
        });
        Self {
            name: name.to_owned(),
            executions: last("stat::number_of_executed_units:").unwrap_or_default(),
            a_second: last("stat::average_exec_per_sec:").unwrap_or_default(),
            coverage: coverage.unwrap_or_default(),
            heap: last("heap:").unwrap_or_default(),
            find: written,
        }
    }
}

/// The panic's own words, or libFuzzer's.
fn broke(text: &str) -> String {
    let panic = text
        .lines()
        .skip_while(|line| !line.contains("' panicked at ") && !line.contains(") panicked at "));
    let said: Vec<_> = panic.take(2).map(str::trim).collect();
    if !said.is_empty() {
        return said.join(" ");
    }
    let summary = text.lines().find_map(|line| line.strip_prefix("SUMMARY: "));
    summary.unwrap_or("it ended").to_owned()
}

/// Every run in one line.
pub(super) fn table(reports: &[Report]) -> String {
    let head = ["target", "executions", "a second", "coverage", "find"].map(str::to_owned);
    let mut rows = vec![(head, "most heap of one input".to_owned())];
    rows.extend(reports.iter().map(|report| {
        let find = if report.find.is_some() { "FOUND" } else { "-" };
        let columns = [
            &report.name,
            &report.executions,
            &report.a_second,
            &report.coverage,
            find,
        ]
        .map(|text| text.to_string());
        (columns, report.heap.clone())
    }));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|(columns, _)| columns[column].len());
        lengths.max().unwrap_or_default()
    });
    let lines = rows
        .iter()
        .map(|([name, runs, rate, coverage, find], heap)| {
            let [w, x, y, z, f] = widths;
            format!("{name:w$}  {runs:>x$}  {rate:>y$}  {coverage:>z$}  {find:f$}  {heap}\n")
        });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &str = "\
INFO: Seed: 1
#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb
heap: 90 bytes for an input of 3, 300 are allowed
#9\tNEW    cov: 21 ft: 30 corp: 2/4b lim: 4 exec/s: 0 rss: 30Mb L: 3/3 MS: 1 ChangeByte-
heap: 120 bytes for an input of 3, 300 are allowed
#1000\tDONE   cov: 22 ft: 31 corp: 2/4b lim: 4 exec/s: 500 rss: 30Mb
stat::number_of_executed_units: 1000
stat::average_exec_per_sec:     500
";

    #[test]
    fn a_run_without_a_find_is_a_row_of_figures() {
        let report = Report::of("message", QUIET);
        assert_eq!(report.find, None);
        let table = table(&[report]);
        let row = table.lines().last().unwrap();
        let figures = "message        1000       500        22  -     120 bytes";
        assert!(row.starts_with(figures), "{row}");
    }

    #[test]
    fn a_find_says_what_broke_and_where_its_input_lies() {
        let text = format!(
            "{QUIET}thread '<unnamed>' (7) panicked at src/a.rs:3:5:\nassertion failed: x\nstack\n\
             artifact_prefix='f/'; Test unit written to f/message-crash-0a\n"
        );
        let find = Report::of("message", &text).find.unwrap();
        assert!(find.starts_with("f/message-crash-0a (thread"), "{find}");
        assert!(find.ends_with("assertion failed: x)"), "{find}");
    }

    #[test]
    fn a_find_without_a_panic_is_in_the_words_of_the_fuzzer() {
        let text = "SUMMARY: libFuzzer: timeout\nTest unit written to f/timeout-1\n";
        let find = Report::of("message", text).find.unwrap();
        assert_eq!(find, "f/timeout-1 (libFuzzer: timeout)");
    }
}
