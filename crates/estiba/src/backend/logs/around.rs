//! Lines around those that are found.

use std::collections::{HashMap, VecDeque};

use estiba_api::LogRecord;

use super::ShownLine;

/// Puts lines of the same instance around each that is found, as many before as
/// after it. Holds no more of them than that.
#[derive(Debug)]
pub(super) struct Around {
    lines: usize,
    before: HashMap<Option<String>, VecDeque<LogRecord>>,
    /// Found, and waiting for what comes after them.
    open: VecDeque<ShownLine>,
}

impl Around {
    /// So many lines before and after.
    pub fn new(lines: usize) -> Self {
        Self {
            lines,
            before: HashMap::new(),
            open: VecDeque::new(),
        }
    }

    /// Takes the next line, and gives those that have all around them.
    pub fn take(&mut self, record: LogRecord, is_found: bool) -> Vec<ShownLine> {
        if self.lines == 0 {
            return is_found
                .then(|| shown(record, Vec::new()))
                .into_iter()
                .collect();
        }
        let lines = self.lines;
        let of_same = self
            .open
            .iter_mut()
            .filter(|open| open.record.instance == record.instance && open.after.len() < lines);
        of_same.for_each(|open| open.after.push(record.clone()));
        let before = self.before.entry(record.instance.clone()).or_default();
        if is_found {
            let found = shown(record.clone(), before.iter().cloned().collect());
            self.open.push_back(found);
        }
        before.push_back(record);
        if before.len() > lines {
            before.pop_front();
        }
        let mut whole = Vec::new();
        // In the order in which they were found.
        while let Some(open) = self.open.pop_front_if(|open| open.after.len() == lines) {
            whole.push(open);
        }
        whole
    }

    /// Those that are left when there are no more lines.
    pub fn rest(self) -> impl Iterator<Item = ShownLine> {
        self.open.into_iter()
    }
}

fn shown(record: LogRecord, before: Vec<LogRecord>) -> ShownLine {
    ShownLine {
        cursor: None,
        record,
        before,
        after: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_logs::Record;

    fn line(instance: &str, text: &str) -> LogRecord {
        let mut record = Record::new(jiff::Timestamp::UNIX_EPOCH, text);
        record.origin.instance = Some(instance.into());
        record.into()
    }

    #[test]
    fn lines_of_the_same_instance_are_put_around() {
        let written = [
            ("a", "1"),
            ("b", "x"),
            ("a", "2"),
            ("a", "hit"),
            ("b", "y"),
            ("a", "3"),
            ("a", "4"),
            ("b", "hit"),
        ];
        let mut around = Around::new(1);
        let mut found = Vec::new();
        for (instance, text) in written {
            found.extend(around.take(line(instance, text), text == "hit"));
        }
        found.extend(around.rest());
        let texts = |records: &[LogRecord]| -> Vec<String> {
            records.iter().map(|record| record.text.clone()).collect()
        };
        let found: Vec<_> = found
            .iter()
            .map(|one| (texts(&one.before), texts(&one.after)))
            .collect();
        let list = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found,
            [(list(&["2"]), list(&["3"])), (list(&["y"]), list(&[]))]
        );
        assert_eq!(Around::new(0).take(line("a", "1"), true).len(), 1);
    }
}
