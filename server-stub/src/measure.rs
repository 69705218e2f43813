//! Counters and histograms, and their text for Prometheus (exposition format 0.0.4).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that only rises.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

/// How often a value lay below each of some bounds.
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds: the last is without one.
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

/// Bounds of durations, in microseconds: from what a commit on a good disk takes to what nobody waits for.
pub(crate) const MICROS: &[u64] = &[
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
];

impl Counter {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::default()).collect(),
            sum: AtomicU64::default(),
        }
    }

    pub(crate) fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(crate) fn observe_time(&self, took: Duration) {
        self.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The text as it is written.
#[derive(Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.line(name, "", value);
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "gauge", help);
        self.line(name, "", value);
    }

    /// One counter for each value of a label. The values are the relay's own words, which need no escaping.
    pub(crate) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, "counter", help);
        for (word, value) in values {
            self.line(name, &format!("{{{label}=\"{word}\"}}"), value);
        }
    }

    /// `per` values make one of what the name says: 1e6 for microseconds shown as seconds. A quotient is the nearest number to
    /// what is meant, and prints as that; a product with 1e-6 may not be.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram, per: f64) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        let bounds = histogram.bounds.iter().map(|bound| *bound as f64 / per);
        let bounds = bounds.map(Some).chain([None]);
        for (bound, count) in bounds.zip(&histogram.counts) {
            below += count.load(Ordering::Relaxed);
            let bound = bound.map_or("+Inf".to_owned(), |bound| bound.to_string());
            self.line(&bucket, &format!("{{le=\"{bound}\"}}"), below);
        }
        let sum = histogram.sum.load(Ordering::Relaxed) as f64 / per;
        self.line(&format!("{name}_sum"), "", sum);
        self.line(&format!("{name}_count"), "", below);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_in_microseconds_prints_as_people_write_seconds() {
        let mut text = Exposition::default();
        text.histogram("seconds", "How long.", &Histogram::new(&[25_000]), 1e6);
        let text = text.finish();
        assert!(text.contains("{le=\"0.025\"}"), "{text}");
    }

    #[test]
    fn a_histogram_counts_each_value_below_every_bound_that_it_does_not_pass() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [1, 10, 11, 21] {
            histogram.observe(value);
        }
        let mut text = Exposition::default();
        text.histogram("sizes", "How large.", &histogram, 1.0);
        let expected = "# HELP sizes How large.\n# TYPE sizes histogram\n\
            sizes_bucket{le=\"10\"} 2\nsizes_bucket{le=\"20\"} 3\nsizes_bucket{le=\"+Inf\"} 4\n\
            sizes_sum 43\nsizes_count 4\n";
        assert_eq!(text.finish(), expected);
    }
}
