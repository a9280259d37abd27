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

#[test]
fn a_shelf_is_over_when_nothing_came_between_two_looks() {
    let root = tempfile::tempdir().unwrap();
    let (mut shelf, aside) = shelf(root.path());
    assert!(!shelf.is_over());
    assert!(shelf.is_over());
    shelf.expect();
    assert!(!shelf.is_over());
    let mut frame = Frame::new(shelf.environment.clone(), 1);
    frame.push(|bytes| line::write(&Record::new(Timestamp::now(), "a"), bytes));
    frame.number(1);
    shelf.write(&[&frame], SIZES, &aside).unwrap();
    shelf.close();
    assert!(!shelf.is_over());
    assert!(!shelf.is_over());
    shelf.retain(Retention {
        age: Some(Duration::ZERO),
        bytes: None,
    });
    shelf.tidy(i64::MAX).unwrap();
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
