//! What instances write is kept and told.

use estiba_target::{LogQuery, Stream, Target};
use futures::StreamExt;

use crate::fixture::{World, name};

#[tokio::test]
async fn lines_are_told_by_tail_and_since() {
    let world = World::new();
    let spec = world.instance(1, &["lines", "1000", "4"]);
    world.bring_up(&spec).await;
    world.until_logged(|line| line == "0999").await;
    let all = world.log(&LogQuery::default()).await;
    assert_eq!(all.len(), 1000);
    assert!(all.iter().all(|line| line.stream == Some(Stream::Stdout)));
    assert!(all.iter().all(|line| line.instance == spec.instance));
    let texts: Vec<_> = all.iter().map(|line| line.text.clone()).collect();
    assert!(texts.is_sorted());
    let tail = world
        .log(&LogQuery {
            tail: Some(3),
            ..LogQuery::default()
        })
        .await;
    assert_eq!(tail, all[997..]);
    let since = Some(all[999].at);
    let recent = world
        .log(&LogQuery {
            since,
            ..LogQuery::default()
        })
        .await;
    assert!(recent.iter().all(|line| line.at >= all[999].at));
    assert_eq!(recent.last(), all.last());
    world.end().await;
}

#[tokio::test]
async fn following_goes_on_with_instances_that_start_later() {
    let world = World::new();
    let first = world.instance(1, &["lines", "2", "1"]);
    world.bring_up(&first).await;
    let query = LogQuery {
        tail: Some(1),
        follow: true,
        ..LogQuery::default()
    };
    let workload = name("api");
    let logs = world.target.logs(&world.environment, &workload, &query);
    let mut logs = logs.await.unwrap();
    assert_eq!(logs.next().await.unwrap().unwrap().text, "1");
    let second = world.instance(2, &["lines", "1", "5"]);
    world.bring_up(&second).await;
    let line = logs.next().await.unwrap().unwrap();
    assert_eq!(
        (line.instance, line.text.as_str()),
        (second.instance, "00000")
    );
    world.end().await;
}

#[tokio::test]
async fn the_tail_of_several_instances_is_the_last_of_all() {
    let world = World::new();
    for generation in [1, 2] {
        let spec = world.instance(generation, &["lines", "5", "3"]);
        world.bring_up(&spec).await;
        world.stop(&spec).await;
    }
    let tail = world
        .log(&LogQuery {
            tail: Some(6),
            ..LogQuery::default()
        })
        .await;
    let texts: Vec<_> = tail.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["004", "000", "001", "002", "003", "004"]);
    world.end().await;
}

#[tokio::test]
async fn much_output_is_rotated_and_its_end_is_kept() {
    let world = World::new();
    // 48 MB in files of 10 MiB, of which three are kept.
    let spec = world.instance(1, &["lines", "60000", "800"]);
    world.bring_up(&spec).await;
    world.until_logged(|line| line.ends_with("00059999")).await;
    let files = std::fs::read_dir(world.logs_of(&spec)).unwrap();
    let sizes: Vec<_> = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 10 << 20), "{sizes:?}");
    let all = world.log(&LogQuery::default()).await;
    let numbers: Vec<usize> = all.iter().map(|line| line.text.parse().unwrap()).collect();
    assert!(numbers.len() > 24_000);
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "lines are missing"
    );
    assert_eq!(numbers.last(), Some(&59_999));
    let tail = world
        .log(&LogQuery {
            tail: Some(15_000),
            ..LogQuery::default()
        })
        .await;
    assert_eq!(tail, all[all.len() - 15_000..]);
    world.end().await;
}

#[tokio::test]
async fn long_lines_are_split_and_a_last_one_without_end_is_kept() {
    let world = World::new();
    let long = world.instance(1, &["lines", "1", "100000"]);
    world.bring_up(&long).await;
    world.stop(&long).await;
    let lengths: Vec<_> = world.texts().await.iter().map(String::len).collect();
    assert_eq!(lengths, [64 << 10, 100_000 - (64 << 10)]);
    let partial = world.instance(2, &["partial", "no end"]);
    world.start(&partial).await;
    world.until_logged(|line| line == "no end").await;
    world.end().await;
}
