//! A registry that fails: each failure has one message, what may pass is tried
//! again, and nothing is sent twice.

use std::time::{Duration, Instant};

use estiba_image::registry::RegistryFault;
use estiba_image::{ImageError, registry};

use crate::proxy::{Deal, Proxy, Request};
use crate::registry::start;
use crate::support::{Layer, image, scratch};

fn answer(status: u16) -> Deal {
    Deal::Answer(status, String::new(), "{}".to_owned())
}

fn is_upload(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/blobs/uploads/")
}

/// How a push fails where uploads are dealt with by `deal`.
async fn failing(deal: impl Fn() -> Deal + Send + 'static) -> Option<(ImageError, usize)> {
    let server = start()?;
    let proxy = Proxy::start(&server.address, move |request| match is_upload(request) {
        true => deal(),
        false => Deal::Pass,
    });
    let here = scratch();
    let digest = image(&here.store, vec![Layer::new().file("f", "content")]);
    let reference = format!("{}/team/app:1", proxy.address);
    let failed = registry::push(&here.store, &reference, &digest)
        .await
        .unwrap_err();
    for text in [failed.message().en, failed.message().es] {
        assert!(text.contains(&reference), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    Some((failed, proxy.blobs().len()))
}

fn fault(error: &ImageError) -> &RegistryFault {
    match error {
        ImageError::Registry { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_is_said_at_once_with_the_way_in() {
    let Some((error, tries)) = failing(|| answer(401)).await else {
        return;
    };
    assert!(
        matches!(fault(&error), RegistryFault::Refused(_)),
        "{error:?}"
    );
    assert!(
        error.message().en.contains("docker login 127.0.0.1:"),
        "{error}"
    );
    assert!(tries <= 2, "{tries}: a config and a layer, each once");
}

#[tokio::test]
async fn what_is_no_registry_is_said_at_once() {
    let Some((error, tries)) = failing(|| answer(405)).await else {
        return;
    };
    assert!(
        matches!(fault(&error), RegistryFault::NotPossible(_)),
        "{error:?}"
    );
    assert!(
        error.message().en.contains("`registry` in estiba.yaml"),
        "{error}"
    );
    assert!(tries <= 2, "{tries}");
}

#[tokio::test]
async fn what_does_not_pass_is_tried_again_for_a_while() {
    let begun = Instant::now();
    let busy = || Deal::Answer(429, "retry-after: 1\r\n".to_owned(), "{}".to_owned());
    let told = tokio::join!(
        failing(busy),
        failing(|| answer(500)),
        failing(|| Deal::Cut)
    );
    let (Some((busy, tries)), Some((broken, _)), Some((cut, _))) = told else {
        return;
    };
    assert!(matches!(fault(&busy), RegistryFault::Busy(_)), "{busy:?}");
    assert!(
        matches!(fault(&broken), RegistryFault::Broken(_)),
        "{broken:?}"
    );
    assert!(matches!(fault(&cut), RegistryFault::Cut(_)), "{cut:?}");
    assert!((6..=12).contains(&tries), "{tries}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn what_passes_is_not_noticed() {
    let Some(server) = start() else { return };
    let mut failures = vec![
        Deal::Cut,
        answer(503),
        Deal::Answer(429, "retry-after: 1\r\n".to_owned(), "{}".to_owned()),
    ];
    let proxy = Proxy::start(&server.address, move |request| {
        let fails = request.method != "GET";
        fails
            .then(|| failures.pop())
            .flatten()
            .unwrap_or(Deal::Pass)
    });
    let (here, there) = (scratch(), scratch());
    let digest = image(&here.store, vec![Layer::new().file("f", "content")]);
    let reference = format!("{}/team/app:1", proxy.address);
    registry::push(&here.store, &reference, &digest)
        .await
        .unwrap();
    assert_eq!(
        registry::pull(&there.store, &reference).await.unwrap(),
        digest
    );
}

#[tokio::test]
async fn a_new_version_sends_only_the_layer_that_changed() {
    let Some(server) = start() else { return };
    let proxy = Proxy::start(&server.address, |_| Deal::Pass);
    let here = scratch();
    let base = || Layer::new().file("base", &"content".repeat(300_000));
    let push = async |top: &str, version: &str| {
        let digest = image(&here.store, vec![base(), Layer::new().file("app", top)]);
        let reference = format!("{}/team/app:{version}", proxy.address);
        registry::push(&here.store, &reference, &digest)
            .await
            .unwrap();
        digest
    };
    push("one", "1").await;
    let first = proxy.blobs();
    assert_eq!(first.len(), 3, "two layers and a config: {first:?}");
    let second = push("two", "2").await;
    let sent = &proxy.blobs()[first.len()..];
    assert_eq!(sent.len(), 2, "a layer and a config: {sent:?}");
    let layers = here.store.manifest(&second).unwrap().layers;
    assert!(sent.iter().sum::<u64>() < 20_000, "{sent:?} of {layers:?}");
    // A push that is repeated after it failed half-way sends nothing again.
    push("two", "2").await;
    assert_eq!(proxy.blobs().len(), first.len() + sent.len());
}

#[tokio::test]
async fn a_registry_that_says_when_to_come_back_is_obeyed() {
    let Some(server) = start() else { return };
    let begun = Instant::now();
    let wait = Duration::from_secs(4);
    let proxy = Proxy::start(&server.address, move |request| {
        let busy = request.path.contains("/blobs/uploads/") && begun.elapsed() < wait;
        match busy {
            true => Deal::Answer(429, "retry-after: 4\r\n".to_owned(), "{}".to_owned()),
            false => Deal::Pass,
        }
    });
    let here = scratch();
    let digest = image(&here.store, vec![Layer::new().file("f", "content")]);
    let reference = format!("{}/team/app:1", proxy.address);
    registry::push(&here.store, &reference, &digest)
        .await
        .unwrap();
    assert!(begun.elapsed() >= wait);
    let begun = proxy.seen("POST").len();
    assert!(
        begun <= 4,
        "{begun}: each blob is tried, waits, and is sent"
    );
}

#[tokio::test]
async fn a_registry_that_asks_for_too_long_a_wait_is_told_at_once() {
    let Some(server) = start() else { return };
    let begun = Instant::now();
    let proxy = Proxy::start(&server.address, |request| {
        match request.path.contains("/blobs/uploads/") {
            true => Deal::Answer(429, "retry-after: 3600\r\n".to_owned(), "{}".to_owned()),
            false => Deal::Pass,
        }
    });
    let here = scratch();
    let digest = image(&here.store, vec![Layer::new().file("f", "content")]);
    let reference = format!("{}/team/app:1", proxy.address);
    let pushed = registry::push(&here.store, &reference, &digest).await;
    let error = pushed.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let told = error.message().en;
    assert!(told.contains("Retry-After: 3600 s"), "{told}");
}

/// A minute each, and all at once.
#[tokio::test]
async fn silence_ends_with_a_message_and_slowness_does_not() {
    let Some(server) = start() else { return };
    let begun = Instant::now();
    let here = scratch();
    let noise: String = (0u64..32_000_000)
        .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 7) as u8 % 26))
        .collect();
    let digest = image(&here.store, vec![Layer::new().file("f", &noise)]);
    let whole = format!("{}/team/app:1", server.address);
    registry::push(&here.store, &whole, &digest).await.unwrap();

    let hang = Proxy::start(&server.address, |request| match is_upload(request) {
        true => Deal::Hang,
        false => Deal::Pass,
    });
    let stall = Proxy::start(&server.address, |request| {
        match request.path.contains("/blobs/sha256") && request.method == "GET" {
            true => Deal::Stall(300),
            false => Deal::Pass,
        }
    });
    let size: u64 = here.store.manifest(&digest).unwrap().layers[0].size_bytes;
    // Longer than silence may last; what the network holds on the way is a part of it.
    let slow = Proxy::start(&server.address, move |request| match is_upload(request) {
        true => Deal::Slow(size / 70),
        false => Deal::Pass,
    });
    let empty = scratch();
    let mut names = ["hung", "team", "slow"].into_iter();
    let [hang, stall, slow] = [hang, stall, slow].map(|proxy| {
        let name = names.next().unwrap_or_default();
        (format!("{}/{name}/app:1", proxy.address), proxy)
    });
    let (hung, stalled, slowly) = tokio::join!(
        registry::push(&here.store, &hang.0, &digest),
        registry::pull(&empty.store, &stall.0),
        async {
            let pushed = registry::push(&here.store, &slow.0, &digest).await;
            (pushed, begun.elapsed())
        },
    );
    for error in [hung.unwrap_err(), stalled.unwrap_err()] {
        assert!(
            matches!(fault(&error), RegistryFault::Silent(_)),
            "{error:?}"
        );
        let told = error.message().en;
        assert!(told.contains("nothing for 60 s"), "{told}");
    }
    slowly.0.unwrap();
    assert!(slowly.1 > Duration::from_secs(62), "{:?}", slowly.1);
}
