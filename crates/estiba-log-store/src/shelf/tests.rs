use super::*;
use crate::line;
use estiba_logs::Record;

const SIZES: Sizes = Sizes {
    index_memory_bytes: 15 << 20,
    partition_bytes: 1 << 30,
};

fn shelf(root: &Path) -> (Shelf, Aside) {
    let aside = Aside::new(root.join("set-aside"));
    let environment = Environment::new("moria", "tp2", "prod");
    let lines = root.join("lines");
    let shelf = Shelf::open(environment, &lines, Retention::default(), &aside, false);
    (shelf.unwrap(), aside)
}

fn frame(shelf: &Shelf, number: u64, arrived_us: i64) -> Frame {
    let mut frame = Frame::new(shelf.environment.clone(), arrived_us);
    frame.push(|bytes| line::write(&Record::new(Timestamp::now(), "a"), bytes));
    frame.number(number);
    frame
}

#[test]
fn a_wrong_clock_ends_no_lines() {
    let root = tempfile::tempdir().unwrap();
    let (shelf, aside) = shelf(root.path());
    let sizes = Sizes {
        partition_bytes: 1,
        ..SIZES
    };
    let now = Timestamp::now().as_microsecond();
    // Never set, right, half a year back, a year ahead.
    let said = [1, now, now - 180 * DAY_US, now + 365 * DAY_US];
    for (number, arrived) in (1..).zip(said) {
        let frame = frame(&shelf, number, arrived);
        shelf.write(&[&frame], sizes, &aside).unwrap();
    }
    let left = |days: i64, steady: bool| {
        shelf.tidy(now + days * DAY_US, steady).unwrap();
        shelf.partitions().len()
    };
    // Nor does a clock that is wrong while it is looked at leave anything behind.
    assert_eq!(left(-400, true), said.len());
    assert_eq!(left(0, true), said.len());
    assert_eq!(left(29, true), said.len());
    assert_eq!(left(31, false), said.len());
    // The last is still written to.
    assert_eq!(left(31, true), 1);
}

#[test]
fn a_shelf_is_over_when_nothing_came_between_two_looks() {
    let root = tempfile::tempdir().unwrap();
    let (mut shelf, aside) = shelf(root.path());
    assert!(!shelf.is_over());
    assert!(shelf.is_over());
    shelf.expect();
    assert!(!shelf.is_over());
    let frame = frame(&shelf, 1, Timestamp::now().as_microsecond());
    shelf.write(&[&frame], SIZES, &aside).unwrap();
    shelf.close();
    assert!(!shelf.is_over());
    assert!(!shelf.is_over());
    shelf.retain(Retention {
        age: Some(Duration::ZERO),
        bytes: None,
    });
    shelf.tidy(i64::MAX, true).unwrap();
    assert!(shelf.is_over());
}

#[test]
fn only_empty_folders_are_taken_away() {
    let root = tempfile::tempdir().unwrap();
    let lines = root.path().join("lines");
    let (shelf, aside) = shelf(root.path());
    let other = Environment::new("moria", "tp2", "test");
    let other = Shelf::open(other, &lines, Retention::default(), &aside, false).unwrap();
    other.forwarded.advance("elsewhere", 7).unwrap();
    shelf.take_away(&lines);
    assert!(!shelf.folder.exists());
    other.take_away(&lines);
    // How far lines were forwarded is known when more of them come.
    assert_eq!(
        Forwarded::read(&other.folder).begin("elsewhere").unwrap(),
        7
    );
    other.forwarded.end().unwrap();
    other.take_away(&lines);
    assert!(lines.exists() && !lines.join("moria").exists());
}
