//! Comments that teach, beside what they are about.

use estiba_model::{Lang, Message, message};

/// What a key of a Compose service means.
pub(crate) fn of_service(key: &str) -> Option<Message> {
    Some(match key {
        "image" => message!(
            "The image: the program with all the files that it needs.",
            "La imagen: el programa con todos los archivos que necesita."
        ),
        "environment" => message!(
            "Variables of the process. ${{NAME:?}} comes from .env and must be there;\n${{NAME:-x}} is x unless .env says otherwise.",
            "Variables del proceso. ${{NOMBRE:?}} viene de .env y tiene que estar;\n${{NOMBRE:-x}} es x salvo que .env diga otra cosa."
        ),
        "healthcheck" => message!(
            "How to ask whether it works; `docker-compose ps` shows the answer.",
            "Cómo preguntar si funciona; `docker-compose ps` muestra la respuesta."
        ),
        "depends_on" => message!("What must be there first.", "Lo que tiene que estar antes."),
        "ports" => message!(
            "A port of this machine that leads to a port of the container. Other services\nneed none: they use the service's name as a host.",
            "Un puerto de esta máquina que lleva a uno del contenedor. Los otros servicios\nno lo necesitan: usan el nombre del servicio como host."
        ),
        "volumes" => message!(
            "What outlives the container, and files put into it.",
            "Lo que sobrevive al contenedor, y archivos que se ponen en él."
        ),
        "mem_limit" => message!(
            "What takes more memory than this is ended.",
            "Lo que use más memoria que esta se termina."
        ),
        "cpus" => message!("Cores, at the most.", "Núcleos, como máximo."),
        "read_only" => message!(
            "The program can't change its own files; /tmp is in memory.",
            "El programa no puede cambiar sus propios archivos; /tmp está en memoria."
        ),
        "cap_drop" => message!(
            "No rights over the machine that an ordinary user lacks.",
            "Ningún permiso sobre la máquina que un usuario común no tenga."
        ),
        "restart" => message!(
            "Started again when it ends.",
            "Se vuelve a iniciar cuando termina."
        ),
        "network_mode" => message!(
            "Shares the network of the other container: both are at localhost for each other.",
            "Comparte la red del otro contenedor: cada uno es localhost para el otro."
        ),
        _ => return None,
    })
}

/// What a kind of Kubernetes object is.
pub(crate) fn of_kind(kind: &str) -> Option<Message> {
    Some(match kind {
        "Namespace" => message!(
            "A part of the cluster with names of its own.",
            "Una parte del clúster con nombres propios."
        ),
        "Deployment" => message!(
            "Keeps so many pods of a template running, and replaces them gradually when it changes.",
            "Mantiene en marcha tantos pods de una plantilla, y los reemplaza de a poco cuando cambia."
        ),
        "StatefulSet" => message!(
            "Like a Deployment, for pods that each keep a name and a volume of their own.",
            "Como un Deployment, para pods que conservan un nombre y un volumen propios."
        ),
        "Service" => message!(
            "A name and a port at which pods are reached, whichever they are at the moment.",
            "Un nombre y un puerto en los que se llega a los pods, sean cuales sean en ese momento."
        ),
        "Ingress" => message!(
            "Leads HTTP requests from outside the cluster to a Service, by host and path.",
            "Lleva pedidos HTTP de fuera del clúster a un Service, según host y ruta."
        ),
        "ConfigMap" => message!(
            "Values that are no secrets.",
            "Valores que no son secretos."
        ),
        "Secret" => message!(
            "Values that not everybody may read. base64 hides nothing.",
            "Valores que no cualquiera puede leer. base64 no oculta nada."
        ),
        "Job" => message!(
            "Runs once to its end. Here: the migration. Its last container notes in the database\nthat it is done; pods of the Deployment wait for that note.",
            "Corre una vez hasta terminar. Aquí: la migración. Su último contenedor anota en la\nbase que terminó; los pods del Deployment esperan esa nota."
        ),
        "ServiceAccount" => message!(
            "Who a pod is to the cluster. This one may do nothing, and gets no token.",
            "Quién es un pod para el clúster. Este no puede hacer nada, y no recibe token."
        ),
        "PersistentVolumeClaim" => message!(
            "Asks for disk that outlives pods.",
            "Pide disco que sobrevive a los pods."
        ),
        "NetworkPolicy" => message!(
            "Who may connect to whom.",
            "Quién puede conectarse con quién."
        ),
        "PodDisruptionBudget" => message!(
            "How many pods may be missing while machines are emptied.",
            "Cuántos pods pueden faltar mientras se vacían máquinas."
        ),
        "ResourceQuota" | "LimitRange" => message!(
            "What this namespace may use of the cluster.",
            "Cuánto puede usar este espacio de nombres del clúster."
        ),
        _ => return None,
    })
}

/// What a key of a pod means.
pub(crate) fn of_pod(key: &str) -> Option<Message> {
    Some(match key {
        "readinessProbe" => message!(
            "The pod gets requests while this succeeds.",
            "El pod recibe pedidos mientras esto resulte bien."
        ),
        "livenessProbe" => message!(
            "The container is restarted when this fails.",
            "El contenedor se reinicia cuando esto falla."
        ),
        "resources" => message!(
            "requests: what the scheduler reserves. limits: what it may use at the most.",
            "requests: lo que reserva el planificador. limits: lo que puede usar como máximo."
        ),
        "strategy" => message!(
            "How old pods give way to new ones.",
            "Cómo los pods viejos dejan lugar a los nuevos."
        ),
        "securityContext" => message!(
            "With which rights it runs: as an ordinary user, as the `restricted` standard asks.",
            "Con qué permisos corre: como un usuario común, como pide el estándar `restricted`."
        ),
        "runAsUser" => message!(
            "The user that the image names; 65532 where that is root or nobody in particular.",
            "El usuario que nombra la imagen; 65532 donde es root o nadie en particular."
        ),
        "initContainers" => message!(
            "Run one after the other before the containers start.",
            "Corren uno tras otro antes de que arranquen los contenedores."
        ),
        "env" => message!(
            "Variables of the process; $(NAME) is the value of one above.",
            "Variables del proceso; $(NOMBRE) es el valor de una de más arriba."
        ),
        _ => return None,
    })
}

/// `text` with a comment before the first line of each key that `meaning`
/// knows; only keys at `indent`, where one is given.
pub(crate) fn beside_keys(
    text: &str,
    indent: Option<usize>,
    meaning: fn(&str) -> Option<Message>,
    lang: Lang,
) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut explained = String::with_capacity(text.len() * 2);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches([' ', '-']);
        let at = line.len() - bare.len();
        let key = bare.split(':').next().unwrap_or_default();
        let here = indent.is_none_or(|indent| indent == at);
        if here
            && !told.iter().any(|known| known == key)
            && let Some(meaning) = meaning(key)
        {
            told.push(key.to_owned());
            for comment in meaning.text(lang).lines() {
                // Before a list's dash the comment is where the dash is.
                let space = line.len() - line.trim_start_matches(' ').len();
                explained.push_str(&format!("{}# {comment}\n", " ".repeat(space)));
            }
        }
        explained.push_str(line);
    }
    explained
}
