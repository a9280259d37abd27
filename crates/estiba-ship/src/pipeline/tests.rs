use tokio::sync::oneshot;

use super::*;
use crate::checkpoint::SpoolPosition;

const SHAPE: Shape = Shape {
    action: b"",
    bytes: 64,
    documents: 100,
};

fn pipeline(spool: Option<Spool>, chunks: mpsc::Receiver<Chunk>) -> Pipeline {
    Pipeline {
        files: None,
        spool,
        chunks,
        sources: JoinSet::new(),
        stop: watch::channel(false).0,
        ends_with_sources: false,
        batches: mpsc::channel(1).0,
        done: mpsc::channel(1).1,
        shape: SHAPE,
        linger: Duration::ZERO,
        drain: Duration::ZERO,
        quiet: Duration::ZERO,
        metrics: Arc::new(Metrics::default()),
    }
}

fn chunk(bytes: usize) -> (Chunk, oneshot::Receiver<()>) {
    let mut documents = vec![b'x'; bytes - 1];
    documents.push(b'\n');
    let (reply, answer) = oneshot::channel();
    let reply = Some(reply);
    (Chunk { documents, reply }, answer)
}

/// Fills it with one that is taken, and one that has no room and whose sender goes away.
fn whoever_has_no_room_goes_away(pipeline: &mut Pipeline, inbox: &mpsc::Sender<Chunk>) -> State {
    let mut state = State::new(SHAPE);
    let mut fill = |pipeline: &mut Pipeline| {
        pipeline.fill(&mut state);
        (
            state.told_of_lack,
            pipeline.metrics.refuses.load(Ordering::Relaxed),
        )
    };
    let (mut first, _) = chunk(90);
    first.reply = None;
    let (second, waiting) = chunk(90);
    inbox.try_send(first).unwrap();
    assert_eq!(fill(pipeline), (false, false));
    inbox.try_send(second).unwrap();
    assert_eq!(fill(pipeline), (true, true));
    drop(waiting);
    assert_eq!(fill(pipeline), (true, true), "it is as full as before");
    state
}

#[test]
fn a_full_disk_buffer_is_full_whoever_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let (inbox, chunks) = mpsc::channel(4);
    let metrics = Arc::new(Metrics::default());
    let spool = Spool::open(folder.path(), 100, SpoolPosition::default(), metrics).unwrap();
    let mut pipeline = pipeline(Some(spool), chunks);
    let mut state = whoever_has_no_room_goes_away(&mut pipeline, &inbox);
    assert!(state.held.is_none());
    let Some(Mark::Spool(upto)) = state.batch.marks.last() else {
        panic!("{:?}", state.batch)
    };
    let done = Done {
        room: Vec::new(),
        spool: Some(*upto),
    };
    pipeline.take_back(&mut state, done);
    pipeline.fill(&mut state);
    assert!(!state.told_of_lack && !pipeline.metrics.refuses.load(Ordering::Relaxed));
}

#[test]
fn a_full_batch_is_full_whoever_hangs_up() {
    let (inbox, chunks) = mpsc::channel(4);
    let mut pipeline = pipeline(None, chunks);
    let mut state = whoever_has_no_room_goes_away(&mut pipeline, &inbox);
    state.batch = Batch::new(Vec::new(), SHAPE);
    pipeline.fill(&mut state);
    assert!(!state.told_of_lack && !pipeline.metrics.refuses.load(Ordering::Relaxed));
}
