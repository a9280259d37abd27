use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Cause, Container, DeploymentId, DeploymentState, Digest, ImageSource, ReleasedWorkload,
    Workload,
};
use estiba_store::{PutRelease, Store, StoreError};

use crate::support::{Fixture, empty_release, environment, name, project, version};

on_both! {
    a_release_is_read_as_it_was_put,
    a_version_never_changes,
    the_list_says_what_is_where,
    only_one_of_many_puts_creates,
}

fn workload(variable: &str) -> ReleasedWorkload {
    let container = Container {
        image: ImageSource::Built,
        command: vec!["/app".into()],
        args: vec![],
        variables: BTreeMap::from([("GREETING".into(), variable.into())]),
        files: BTreeMap::new(),
        volumes: BTreeMap::new(),
        limits: Default::default(),
        requests: Default::default(),
        liveness: None,
        readiness: None,
        before: BTreeMap::new(),
    };
    ReleasedWorkload {
        workload: Workload {
            name: name("api"),
            annotations: BTreeMap::new(),
            metadata: serde_json::Map::from_iter([
                ("zeta".into(), 1.into()),
                ("alfa".into(), 2.into()),
            ]),
            ports: BTreeMap::new(),
            containers: BTreeMap::from([(name("main"), container)]),
            resources: BTreeMap::new(),
        },
        images: BTreeMap::from([(name("main"), Digest::of(b"image"))]),
    }
}

async fn a_release_is_read_as_it_was_put(fixture: &Fixture) {
    let store = fixture.open().await;
    let mut release = empty_release("1.0.0", "2026-03-01T10:00:00.123456789Z");
    release.commit = Some("0f1e2d".into());
    release
        .workloads
        .insert(name("api"), workload("ñandú \u{1F600} \"x\" \u{0}"));
    assert_eq!(
        store.put_release(&release).await.unwrap(),
        PutRelease::Created
    );

    let again = fixture.open().await;
    let read = again.release(&project(), &version("1.0.0")).await.unwrap();
    assert_eq!(read, Some(release));
    let other = again.release(&project(), &version("2.0.0")).await.unwrap();
    assert_eq!(other, None);
}

async fn a_version_never_changes(fixture: &Fixture) {
    let store = fixture.open().await;
    let mut release = empty_release("1.0.0", "2026-03-01T10:00:00Z");
    release.workloads.insert(name("api"), workload("hello"));
    store.put_release(&release).await.unwrap();

    // Made again from another commit, with the same content.
    let mut same = release.clone();
    same.commit = Some("another".into());
    let put = store.put_release(&same).await.unwrap();
    assert_eq!(put, PutRelease::Unchanged);

    let mut other = release.clone();
    other.workloads.insert(name("api"), workload("bye"));
    let error = store.put_release(&other).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::VersionTaken { version: v, .. } if *v == version("1.0.0"))
    );
    let kept = store.release(&project(), &version("1.0.0")).await.unwrap();
    assert_eq!(kept, Some(release));
}

async fn deploy(store: &Store, to: &str, what: &str, cause: Cause) -> DeploymentId {
    let id = store
        .enqueue(&environment(to), &version(what), cause, b"")
        .await
        .unwrap();
    store.begin(id).await.unwrap();
    store
        .set_state(id, DeploymentState::Succeeded, None)
        .await
        .unwrap();
    id
}

async fn the_list_says_what_is_where(fixture: &Fixture) {
    let store = fixture.open().await;
    let mut second = empty_release("0.9-hotfix", "2026-03-02T10:00:00Z");
    second.workloads.insert(name("api"), workload("hello"));
    store
        .put_release(&empty_release("1.0.0", "2026-03-01T10:00:00Z"))
        .await
        .unwrap();
    store.put_release(&second).await.unwrap();

    deploy(&store, "test", "1.0.0", Cause::Deploy).await;
    deploy(&store, "prod", "1.0.0", Cause::Promote).await;
    deploy(&store, "test", "0.9-hotfix", Cause::Deploy).await;
    deploy(&store, "old", "1.0.0", Cause::Deploy).await;
    deploy(&store, "old", "1.0.0", Cause::Down).await;
    let failed = store
        .enqueue(
            &environment("prod"),
            &version("0.9-hotfix"),
            Cause::Promote,
            b"",
        )
        .await
        .unwrap();
    store
        .set_state(failed, DeploymentState::Failed, None)
        .await
        .unwrap();

    let list = store.releases(&project()).await.unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|r| (r.version.as_str(), r.images, r.deployed_in.clone()))
        .collect();
    assert_eq!(
        seen,
        [
            ("0.9-hotfix", 1, BTreeSet::from([environment("test")])),
            ("1.0.0", 0, BTreeSet::from([environment("prod")])),
        ]
    );
}

async fn only_one_of_many_puts_creates(fixture: &Fixture) {
    let store = fixture.open().await;
    let puts: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            let release = empty_release("1.0.0", "2026-03-01T10:00:00Z");
            tokio::spawn(async move { store.put_release(&release).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for put in puts {
        created += usize::from(put.await.unwrap() == PutRelease::Created);
    }
    assert_eq!(created, 1);
}
