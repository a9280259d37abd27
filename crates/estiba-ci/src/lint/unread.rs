//! Files of a pipeline that can't be read.

use std::path::Path;

use estiba_model::{Diagnostic, Message, Place, message};

use super::{MOST_BYTES, Unread};

/// What is wrong with a file, which another asked for at a place.
pub(super) fn unread(path: &Path, why: &Unread, asked_at: Option<Place>) -> Diagnostic {
    let shown = path.display();
    let finding = match why {
        Unread::Missing => return missing(path, asked_at),
        Unread::TooLong => {
            let most = MOST_BYTES >> 20;
            unreadable(message!(
                "{shown} is longer than {most} MiB",
                "{shown} tiene más de {most} MiB"
            ))
            .hint(message!(
                "split it, and name the parts under `include:`",
                "divídalo, y nombre las partes en `include:`"
            ))
        }
        Unread::NotText => unreadable(message!(
            "{shown} is not a text in UTF-8",
            "{shown} no es un texto en UTF-8"
        ))
        .hint(message!(
            "save it as UTF-8: `iconv -f latin1 -t utf-8 {shown}` prints it so, if it is Latin-1",
            "guárdelo como UTF-8: `iconv -f latin1 -t utf-8 {shown}` lo muestra así, si es Latin-1"
        )),
        Unread::Refused(reason) => unreadable(message!(
            "{shown} can't be read: {reason}",
            "no se puede leer {shown}: {reason}"
        ))
        .hint(message!(
            "see who may read it: `ls -l {shown}`",
            "mire quién puede leerlo: `ls -l {shown}`"
        )),
    };
    match asked_at {
        Some(place) => finding.at(place),
        None => finding,
    }
}

fn unreadable(message: Message) -> Diagnostic {
    Diagnostic::error("unreadable-file", message)
}

fn missing(path: &Path, asked_at: Option<Place>) -> Diagnostic {
    let shown = path.display();
    let finding = Diagnostic::error(
        "missing-file",
        message!("there is no {shown}", "no existe {shown}"),
    );
    match asked_at {
        Some(place) => finding
            .hint(message!(
                "correct the path, which is relative to the root of the repository",
                "corrija la ruta, que es relativa a la raíz del repositorio"
            ))
            .at(place),
        None => finding.hint(message!(
            "`estiba ci gitlab` writes one; --file names another",
            "`estiba ci gitlab` escribe uno; --file nombra otro"
        )),
    }
}
