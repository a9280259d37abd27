//! What `estiba ci gitlab` and `github` are asked for, and what of it makes no sense.

use estiba_model::{Environment, Message, Name, Project, message};

use crate::cli::{Component, PipelineArgs};
use crate::failure::Failure;

/// The address of the server, where one deploys. It is written into a file that many
/// read, so there is no password in it.
pub fn server(args: &PipelineArgs) -> Result<Option<&str>, Failure> {
    let Some(url) = args.server.as_deref() else {
        return Ok(None);
    };
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    let rest = rest.filter(|rest| !rest.is_empty() && !rest.contains([' ', '"', '\'', '$']));
    let Some(rest) = rest else {
        return Err(Failure::Usage(message!(
            "\"{url}\" is no address of a server; write it like https://estiba.example.edu",
            "«{url}» no es la dirección de un servidor; escríbala como https://estiba.example.edu"
        )));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if let Some((_, host)) = host.rsplit_once('@') {
        return Err(Failure::Usage(message!(
            "--server has a user or a password, which would be written into the pipeline; write only https://{host}: jobs show an identity token, and where the CI signs none, a token of the server in the masked variable ESTIBA_TOKEN",
            "--server tiene un usuario o una contraseña, que quedarían escritos en el pipeline; escriba solo https://{host}: los trabajos muestran un token de identidad y, donde el CI no firma ninguno, un token del servidor en la variable enmascarada ESTIBA_TOKEN"
        )));
    }
    Ok(Some(url))
}

/// That the image and the tags of runners are texts.
pub fn texts(args: &PipelineArgs) -> Result<(), Failure> {
    let is_empty = |text: &String| text.trim().is_empty();
    if args.image.as_ref().is_some_and(is_empty) {
        return Err(Failure::Usage(message!(
            "--image is empty; name an image that has estiba and git, or leave the option out where the runners have them",
            "--image está vacía; nombre una imagen que tenga estiba y git, o no ponga la opción si los runners los tienen"
        )));
    }
    if args.runner.iter().any(is_empty) {
        return Err(Failure::Usage(message!(
            "--runner is empty; name a tag that the runners have, or leave the option out where any will do",
            "--runner está vacía; nombre una etiqueta que tengan los runners, o no ponga la opción si sirve cualquiera"
        )));
    }
    Ok(())
}

/// That the component of a catalogue has a version: GitLab includes none without.
pub fn component(component: &Component) -> Result<(), Failure> {
    let Some(address) = &component.component else {
        return Ok(());
    };
    let parts = address.rsplit_once('@');
    let is_whole = parts.is_some_and(|(path, version)| {
        path.contains('/') && !version.is_empty() && !address.contains(char::is_whitespace)
    });
    match is_whole {
        true => Ok(()),
        false => Err(Failure::Usage(no_version(address))),
    }
}

fn no_version(address: &str) -> Message {
    message!(
        "--component \"{address}\" is no ADDRESS@VERSION; write it like gitlab.example.edu/course/estiba/estiba@1.0.0",
        "--component «{address}» no es DIRECCIÓN@VERSIÓN; escríbala como gitlab.example.edu/course/estiba/estiba@1.0.0"
    )
}

/// The first environment, and the one that comes after it.
pub fn environments(project: &Project, args: &PipelineArgs) -> Result<(Name, Name), Failure> {
    for named in [&args.test, &args.prod].into_iter().flatten() {
        estiba_engine::environment_id(project, named)?;
    }
    let found = first(project, args).and_then(|test| {
        let prod = args.prod.clone().or_else(|| next(project, &test))?;
        Some((test, prod))
    });
    let Some((test, prod)) = found else {
        return Err(Failure::because(message!(
            "a pipeline goes through two environments, and estiba.yaml has one; add a second, such as `prod: {{ on: …, after: test }}`",
            "un pipeline pasa por dos ambientes, y estiba.yaml tiene uno; agregue otro, como `prod: {{ on: …, after: test }}`"
        )));
    };
    if test == prod {
        return Err(Failure::Usage(message!(
            "{test} can't be both where a release comes to first and where it is promoted to; name two environments by --test and --prod",
            "{test} no puede ser a la vez adonde una versión llega primero y adonde se la promueve; nombre dos ambientes con --test y --prod"
        )));
    }
    in_order(project, &test, &prod)?;
    Ok((test, prod))
}

/// Where a release comes to first: what is asked for, what `--prod` comes after, or the
/// first that comes after none.
fn first(project: &Project, args: &PipelineArgs) -> Option<Name> {
    let known = &project.environments;
    let before = |prod: &Name| known.get(prod)?.after.clone();
    let is_start = |(name, environment): &(&Name, &Environment)| {
        environment.after.is_none() && args.prod.as_ref() != Some(*name)
    };
    let asked = args.test.clone();
    asked
        .or_else(|| before(args.prod.as_ref()?))
        .or_else(|| known.iter().find(is_start).map(|(name, _)| name.clone()))
        .or_else(|| known.keys().next().cloned())
}

/// The environment that comes after another; any other where estiba.yaml has no order.
fn next(project: &Project, test: &Name) -> Option<Name> {
    let that = |is_it: &dyn Fn(Option<&Name>) -> bool| {
        let others = project
            .environments
            .iter()
            .filter(|(name, _)| *name != test);
        let mut met = others.filter(|(_, environment)| is_it(environment.after.as_ref()));
        met.next().map(|(name, _)| name.clone())
    };
    that(&|after| after == Some(test))
        .or_else(|| that(&|after| after.is_none()))
        .or_else(|| that(&|_| true))
}

/// That the pipeline goes the way of `after` in estiba.yaml: a server would refuse each
/// release that went another.
fn in_order(project: &Project, test: &Name, prod: &Name) -> Result<(), Failure> {
    let after = |name: &Name| project.environments.get(name)?.after.clone();
    if let Some(before) = after(test) {
        return Err(Failure::Usage(message!(
            "a pipeline can't begin with {test}: in estiba.yaml it comes after {before}; write --test {before} --prod {test}, or change its `after`",
            "un pipeline no puede empezar con {test}: en estiba.yaml viene después de {before}; escriba --test {before} --prod {test}, o cambie su `after`"
        )));
    }
    match after(prod) {
        Some(before) if before != *test => Err(Failure::Usage(message!(
            "in estiba.yaml, {prod} comes after {before}, not after {test}; write --test {before} --prod {prod}, or change its `after`",
            "en estiba.yaml, {prod} viene después de {before}, no de {test}; escriba --test {before} --prod {prod}, o cambie su `after`"
        ))),
        _ => Ok(()),
    }
}
