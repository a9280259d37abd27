//! The help of the command line in Spanish.
//!
//! The English help is written beside each command; a test sees to it that
//! nothing lacks its translation here.

use clap::Command;

/// The description of each command, by its path.
const COMMANDS: &[(&str, &str)] = &[
    (
        "",
        "Lleva los componentes de un equipo desde el código a sus ambientes, de la misma manera en toda plataforma de contenedores",
    ),
    (
        "init",
        "Escribir un primer estiba.yaml (y score.yaml) a partir de lo que hay en una carpeta",
    ),
    (
        "import",
        "Escribir un estiba.yaml y archivos Score a partir de archivos Compose, manifiestos de Kubernetes o una aplicación de Heroku",
    ),
    (
        "check",
        "Encontrar todos los errores de un proyecto, o solo de archivos Score",
    ),
    (
        "up",
        "Verificar, construir, crear la versión y desplegar en el primer ambiente",
    ),
    (
        "preflight",
        "Probar, desde adentro de un ambiente, los servicios externos que usa",
    ),
    (
        "plan",
        "Mostrar los pasos que daría un despliegue, sin hacer nada",
    ),
    (
        "deploy",
        "Desplegar en un ambiente una versión, o lo que hay en la carpeta",
    ),
    (
        "promote",
        "Llevar la versión de un ambiente a otro, con las mismas imágenes",
    ),
    (
        "rollback",
        "Volver a la versión anterior que funcionó, o a una dada",
    ),
    (
        "release",
        "Construir lo que hay en la carpeta y guardarlo como versión, sin desplegar nada; imprime cuál es",
    ),
    ("releases", "Listar las versiones y dónde están en marcha"),
    (
        "status",
        "Mostrar todos los ambientes: versión, instancias, salud, diferencias, URLs",
    ),
    ("history", "Listar los despliegues de un ambiente"),
    (
        "resume",
        "Continuar, o deshacer, un despliegue que se interrumpió",
    ),
    (
        "serve",
        "Responder la API web y llevar a cabo lo que se le pide",
    ),
    (
        "ship",
        "Enviar líneas de logs, de archivos, la entrada estándar o pedidos, a un almacén",
    ),
    (
        "bot",
        "Atender el bot de Telegram cuyo token está en TELEGRAM_TOKEN, con el servidor de ESTIBA_URL",
    ),
    ("team", "Los equipos de un servidor y quiénes los integran"),
    ("team list", "Listar los equipos"),
    ("team add", "Crear un equipo"),
    ("team members", "Listar los integrantes de un equipo"),
    (
        "team admit",
        "Incorporar una persona a un equipo, o darle otro rol",
    ),
    ("team dismiss", "Quitar una persona de un equipo"),
    (
        "team figures",
        "Mostrar cómo entrega un equipo: frecuencia, demora, fallas, tiempo de recuperación",
    ),
    (
        "course",
        "Todos los equipos de un curso, desde un solo archivo",
    ),
    ("course plan", "Mostrar qué haría `apply`, sin hacer nada"),
    (
        "course apply",
        "Llevar los equipos y sus ambientes a lo que dice el archivo",
    ),
    (
        "course down",
        "Eliminar los ambientes de un equipo, con sus datos, y dar fin a sus tokens",
    ),
    (
        "course size",
        "Sumar lo que todos los equipos solicitan en cada plataforma, y qué nodos cuesta",
    ),
    (
        "course schema",
        "Escribir el esquema JSON de course.yaml, para editores",
    ),
    ("token", "Las claves de la API de un servidor"),
    ("token list", "Listar sus tokens"),
    (
        "token create",
        "Crear un token; su clave se muestra una vez",
    ),
    ("token revoke", "Dar fin a un token"),
    (
        "approve",
        "Mostrar los despliegues que esperan a una persona, o aceptar uno",
    ),
    (
        "audit",
        "Mostrar quién cambió qué en un servidor, lo más nuevo primero",
    ),
    (
        "chat-code",
        "Obtener un código de un solo uso para vincular su cuenta de Telegram",
    ),
    (
        "logs",
        "Mostrar lo que escribieron las instancias, y buscar en ello",
    ),
    ("alert", "De qué líneas de un ambiente avisa un servidor"),
    (
        "alert list",
        "Listar las alertas de un ambiente: cuándo se avisó de cada una, y cuáles están en silencio",
    ),
    ("alert mute", "Que no se avise de una alerta por un tiempo"),
    (
        "alert unmute",
        "Que se vuelva a avisar de una alerta en silencio",
    ),
    (
        "exec",
        "Ejecutar un comando dentro de una instancia en marcha",
    ),
    (
        "restart",
        "Reemplazar las instancias por otras nuevas de la misma versión",
    ),
    ("scale", "Cambiar cuántas copias de cada componente corren"),
    (
        "accept",
        "Correr aquí pruebas de aceptación contra lo que un ambiente tiene en marcha, y guardar cómo salieron",
    ),
    (
        "reset",
        "Vaciar las bases de datos de un ambiente que lo permite, y comenzar de nuevo",
    ),
    (
        "mail",
        "Mostrar los correos que enviaron los componentes de un ambiente y no recibió nadie",
    ),
    ("down", "Eliminar un ambiente y sus datos"),
    (
        "config",
        "Leer y cambiar los valores de un ambiente que no son secretos",
    ),
    ("config get", "Mostrar todos los valores, o uno"),
    ("config set", "Fijar valores; los usa el próximo despliegue"),
    (
        "config unset",
        "Olvidar valores fijados; vuelven a valer los de estiba.yaml",
    ),
    ("secret", "Guardar los secretos de un ambiente"),
    (
        "secret set",
        "Guardar un secreto; su valor se lee de la terminal o de la entrada estándar",
    ),
    ("secret list", "Listar los nombres de los secretos"),
    (
        "secret key",
        "Imprimir una clave nueva, para ESTIBA_KEY de servidores que comparten una base de datos",
    ),
    ("secret unset", "Olvidar un secreto"),
    ("db", "Copiar y restaurar la base de datos de un ambiente"),
    (
        "db backup",
        "Escribir una copia en un archivo nuevo, en el formato de pg_dump -Fc",
    ),
    (
        "db restore",
        "Reemplazar el contenido de la base por una copia",
    ),
    (
        "export",
        "Escribir un archivo Compose, manifiestos de Kubernetes o un chart de Helm que corren sin Estiba",
    ),
    (
        "ci",
        "Los pipelines: escribirlos, revisarlos, ejecutarlos aquí",
    ),
    (
        "ci gitlab",
        "Escribir un pipeline de GitLab: verificar, probar, construir una vez, desplegar, promover",
    ),
    (
        "ci github",
        "Escribir un workflow de GitHub Actions: verificar, probar, construir una vez, desplegar, promover",
    ),
    (
        "ci check",
        "Encontrar lo que está mal en un .gitlab-ci.yml antes de que corra",
    ),
    (
        "ci run",
        "Ejecutar en esta máquina el pipeline de GitLab de un repositorio, con gitlab-ci-local",
    ),
    (
        "ci report",
        "Escribir el último despliegue de un ambiente como lo muestra un CI: sus pasos como pruebas, su dirección",
    ),
    (
        "doctor",
        "Decir qué pueden y qué no pueden hacer esta máquina y las plataformas del proyecto, y qué instalar",
    ),
    ("target", "Preguntar por las plataformas del proyecto"),
    (
        "target rbac",
        "Escribir los permisos que Estiba necesita en un clúster, para quien lo administra",
    ),
    (
        "schema",
        "Escribir el esquema JSON de estiba.yaml, para editores",
    ),
    (
        "completion",
        "Escribir el script de autocompletado de un intérprete de comandos",
    ),
];

/// The description of each argument: by its command and name, or by its name
/// alone where it means the same everywhere.
const ARGUMENTS: &[(&str, &str)] = &[
    (
        "serve listen",
        "Dónde escuchar; si no se indica, en 127.0.0.1:8700, o en toda dirección con el puerto de PORT",
    ),
    (
        "serve targets",
        "Las plataformas que los proyectos pueden nombrar, en lugar de las propias: un archivo YAML como `targets` en estiba.yaml",
    ),
    ("ship paths", "Los archivos, como patrones"),
    (
        "ship config",
        "Un archivo YAML con más de lo que se puede decir aquí",
    ),
    (
        "ship to",
        "Una dirección compatible con Elasticsearch, o `stdout`; o LOG_SINK",
    ),
    (
        "ship state",
        "La carpeta para las posiciones y la memoria en disco",
    ),
    (
        "ship fields",
        "Lo que recibe cada línea, como `workload=api`",
    ),
    (
        "ship stdin",
        "Enviar también lo que llega por la entrada estándar",
    ),
    (
        "serve behind_proxy",
        "Un proxy delante dice en X-Forwarded-For quién pide",
    ),
    (
        "serve url",
        "Dónde llegan las personas al servidor, como `https://estiba.example.edu`",
    ),
    (
        "serve oidc_issuer",
        "El proveedor de OpenID Connect con el que ingresan las personas, como `https://gitlab.com`",
    ),
    (
        "serve oidc_client_id",
        "Cómo llama el proveedor a este servidor",
    ),
    (
        "serve oidc_client_secret_file",
        "Un archivo con el secreto que el proveedor le dio a este servidor; o ESTIBA_OIDC_CLIENT_SECRET",
    ),
    (
        "serve session_idle",
        "Cuánto puede quedar sin uso una sesión de la página (90s, 10m, 2h)",
    ),
    (
        "serve session_longest",
        "Cuánto puede durar una sesión de la página",
    ),
    (
        "serve logs",
        "La carpeta del almacén de registros; por omisión, `logs` en la carpeta del estado",
    ),
    (
        "serve logs_keep",
        "Cuánto se guardan los registros de un ambiente (36h, 14d)",
    ),
    (
        "serve logs_size",
        "Cuánto disco pueden ocupar los registros de un ambiente; los más viejos se van primero",
    ),
    (
        "serve logs_version",
        "La versión de Elasticsearch que /elastic dice ser: Filebeat puede no aceptar una anterior a la propia",
    ),
    (
        "serve logs_to",
        "Enviar todas las líneas a este clúster (Elasticsearch, OpenSearch, Quickwit), y buscar ahí",
    ),
    ("serve logs_index", "El índice ahí"),
    (
        "serve logs_token_file",
        "El archivo con una clave de API del clúster",
    ),
    (
        "serve logs_user",
        "El usuario del clúster, si tiene usuarios y claves",
    ),
    (
        "serve logs_password_file",
        "El archivo con la clave de ese usuario",
    ),
    (
        "serve no_collect",
        "Guardar lo que envían los recolectores, sin leer nada de las plataformas",
    ),
    ("serve no_logs", "No guardar registros"),
    (
        "bot webhook",
        "Que Telegram llame a esta dirección pública, en lugar de preguntarle",
    ),
    ("bot listen", "Dónde escucharlo"),
    ("course plan file", "El archivo del curso"),
    ("course apply file", "El archivo del curso"),
    ("course down file", "El archivo del curso"),
    ("course size file", "El archivo del curso"),
    ("course plan team", "Solo estos equipos"),
    ("course apply team", "Solo estos equipos"),
    (
        "course down team",
        "El equipo, que ya no tiene que estar en el archivo",
    ),
    ("course down env", "Solo estos ambientes"),
    (
        "course plan version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "course apply version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "update",
        "Reemplazar también las versiones propias de un equipo por lo que hay en la carpeta",
    ),
    ("at_once", "Cuántos equipos a la vez"),
    ("prices", "Un archivo de precios propio"),
    (
        "budget",
        "Lo que hay para gastar por mes, en la moneda de los precios",
    ),
    ("node", "El tamaño de los nodos de una plataforma"),
    (
        "show_prices",
        "Escribir los precios que trae Estiba, para empezar los propios",
    ),
    ("team add team", "Su nombre"),
    ("team", "El equipo"),
    ("login", "La persona, como la conocen los demás"),
    ("role", "Qué ha de ser"),
    ("team figures days", "En cuántos días"),
    ("token create name", "Para qué es"),
    ("token create role", "Qué puede como máximo"),
    ("token create team", "Solo este equipo"),
    ("token create only_project", "Solo este proyecto del equipo"),
    (
        "token create env",
        "Solo se puede cambiar estos ambientes, o escribir en ellos",
    ),
    (
        "token create days",
        "Después de cuántos días termina; nunca si no se dice",
    ),
    (
        "token create login",
        "Para esta persona; para usted si no se nombra a nadie",
    ),
    ("token create machine", "Para una máquina, y para nadie"),
    ("token revoke id", "Su id, de `estiba token list`"),
    (
        "approve id",
        "El número del pedido; sin él, se listan todos",
    ),
    ("approve reject", "No aceptar"),
    ("audit team", "Solo de este equipo"),
    ("audit limit", "Cuántos"),
    ("on", "Qué se despliega"),
    (
        "server",
        "El servidor de Estiba, al que los trabajos muestran un token de identidad; sin él, despliegan los runners",
    ),
    (
        "image",
        "La imagen en la que corren los trabajos, con estiba y git; sin ella, los tienen los runners",
    ),
    ("runner", "Una etiqueta de los runners"),
    (
        "buildah",
        "Construir los Dockerfile con Buildah, sin ningún privilegio",
    ),
    (
        "test",
        "El ambiente al que una versión llega primero; por omisión, el primero del proyecto",
    ),
    (
        "prod",
        "El ambiente al que la lleva una persona; por omisión, el que viene después",
    ),
    (
        "check",
        "Solo decir si los archivos son como se los escribiría",
    ),
    (
        "component",
        "Incluir el componente de un catálogo, y no escribir ninguno",
    ),
    (
        "no_inputs",
        "Escribir los valores en el componente, para GitLab anterior a 17.0 y herramientas que no conocen inputs",
    ),
    (
        "catalog",
        "Escribir templates/estiba.yml, el componente para el proyecto de un catálogo, y nada más",
    ),
    (
        "ci check file",
        "El archivo del pipeline, desde la raíz del repositorio",
    ),
    (
        "ci run file",
        "El archivo del pipeline, desde la raíz del repositorio",
    ),
    (
        "variables",
        "Una variable que viene de otro lado, con su valor o sin él",
    ),
    (
        "jobs",
        "Trabajos, también los manuales; todos los demás si no se nombra ninguno",
    ),
    ("tag", "Como si se hubiera subido este tag"),
    ("manual", "También este trabajo, que espera a una persona"),
    ("needs", "También lo que necesitan los trabajos nombrados"),
    ("anyway", "Ejecutarlo aunque se haya encontrado algo"),
    ("junit", "El informe JUnit"),
    ("dotenv", "El informe dotenv, con ENVIRONMENT_ADDRESS"),
    (
        "summary",
        "Agregar lo mismo a este archivo, como tabla en Markdown",
    ),
    (
        "release version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "promote version",
        "Solo esta versión: rechazarlo si el ambiente tiene otra",
    ),
    (
        "json",
        "Escribir JSON: un documento, o un evento por línea mientras se hace algo",
    ),
    (
        "lang",
        "El idioma de la salida; por omisión, el de la configuración regional",
    ),
    (
        "project",
        "La carpeta del proyecto; por omisión, la más cercana hacia arriba con un estiba.yaml",
    ),
    ("help", "Mostrar la ayuda"),
    ("version", "Mostrar la versión"),
    ("dir", "La carpeta"),
    ("paths", "Archivos, o carpetas en las que buscarlos"),
    (
        "import output",
        "La carpeta del proyecto nuevo; por omisión, la de la primera ruta",
    ),
    ("format", "Qué escribir"),
    (
        "export output",
        "La carpeta, que tiene que ser nueva o estar vacía",
    ),
    (
        "export version",
        "La versión; por omisión, lo que hay en la carpeta",
    ),
    ("explain", "Agregar comentarios que enseñan"),
    ("no_images", "No escribir las imágenes construidas"),
    ("dry_run", "Decir qué se escribiría, y no escribir nada"),
    ("force", "Sobrescribir los archivos que ya existen"),
    ("score", "Leer solo estos archivos Score"),
    (
        "env",
        "El ambiente; donde se puede omitir, el primero del proyecto",
    ),
    ("up version", "La versión; por omisión, la que indica Git"),
    ("preflight here", "Probar solo desde esta máquina"),
    (
        "preflight timeout",
        "Cuántos segundos puede tardar cada servicio",
    ),
    (
        "plan version",
        "La versión; por omisión, lo que hay en la carpeta",
    ),
    (
        "deploy version",
        "La versión; si no existe todavía, se construye con lo que hay en la carpeta",
    ),
    (
        "without",
        "Seguir aunque esta plataforma, donde el ambiente estaba antes, no responda; lo que quedó allí lo termina el primer despliegue que la alcance",
    ),
    ("yes", "Aceptar sin preguntar"),
    ("from", "El ambiente que tiene la versión"),
    ("promote to", "El ambiente que la recibe"),
    ("rollback to", "La versión"),
    ("limit", "Cuántos"),
    ("steps", "Mostrar los pasos de cada uno"),
    ("workload", "El componente"),
    (
        "workloads",
        "Los componentes; todos si no se nombra ninguno",
    ),
    (
        "follow",
        "Seguir con las líneas nuevas hasta que se interrumpa",
    ),
    (
        "since",
        "Solo las líneas desde entonces: un lapso (90s, 10m, 2h, 1d) o una hora RFC 3339",
    ),
    ("tail", "Solo las últimas tantas líneas"),
    (
        "logs workload",
        "El componente; todos si no se nombra ninguno",
    ),
    (
        "logs query",
        "Cómo son las líneas: palabras, \"frases\", campo:valor, campo:>=valor, AND, OR, NOT",
    ),
    (
        "logs grep",
        "Lo mismo, de todos los componentes si no se nombra ninguno",
    ),
    (
        "logs env",
        "El ambiente, o varios; por omisión, el primero del proyecto",
    ),
    ("accept timeout", "Cuántos segundos pueden tardar"),
    ("mail id", "El número del correo; sin él, se listan todos"),
    ("mail raw", "Mostrarlo tal como llegó"),
    ("mail clear", "Olvidarlos todos"),
    ("logs all", "De todos los ambientes"),
    ("logs release", "Solo de esta versión"),
    (
        "logs level",
        "Solo líneas de este nivel o peores: trace, debug, info, warn, error, fatal",
    ),
    ("logs until", "Solo las líneas anteriores a entonces"),
    (
        "logs context",
        "Mostrar tantas líneas de la misma instancia antes y después de cada una",
    ),
    ("alert", "Su nombre en estiba.yaml"),
    ("alert mute span", "Cuánto (10m, 2h, 1d), hasta 30 días"),
    ("container", "El contenedor, si el componente tiene varios"),
    ("command", "Programa y argumentos"),
    ("replicas", "Copias de cada componente"),
    ("name", "El nombre del valor"),
    ("names", "Sus nombres"),
    ("values", "Nombres y valores"),
    ("file", "El archivo"),
    ("resource", "El recurso, si hay varias bases de datos"),
    ("target", "El nombre de la plataforma en estiba.yaml"),
    ("shell", "El intérprete de comandos"),
];

/// The same command line with its help in Spanish.
pub fn in_spanish(command: Command) -> Command {
    translate(command, "")
        .disable_help_subcommand(true)
        .after_help(
            "Códigos de salida: 0 hecho; 1 lo pedido falló o tiene observaciones; 2 uso.\n\
             Estado: $XDG_STATE_HOME/estiba (o ESTIBA_STATE_DIR). Imágenes: $XDG_DATA_HOME/estiba.",
        )
}

fn translate(command: Command, path: &str) -> Command {
    let mut command = command;
    if let Some(about) = find(COMMANDS, path) {
        command = command.about(about).long_about(about);
    }
    command = command
        .next_help_heading("Opciones")
        .subcommand_help_heading("Comandos");
    let at = path.to_owned();
    command = command.mut_args(|arg| {
        let own = format!("{at} {}", arg.get_id());
        let help = find(ARGUMENTS, &own).or_else(|| find(ARGUMENTS, arg.get_id().as_str()));
        match help {
            Some(help) => arg.help(help),
            None => arg,
        }
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        let sub_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(name, |sub| translate(sub, &sub_path));
    }
    command
}

fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    fn untranslated(english: &Command, spanish: &Command, path: &str, found: &mut Vec<String>) {
        if english.get_about().is_some() && english.get_about() == spanish.get_about() {
            found.push(path.to_owned());
        }
        for arg in english.get_arguments() {
            let same = spanish
                .get_arguments()
                .find(|other| other.get_id() == arg.get_id())
                .is_none_or(|other| other.get_help() == arg.get_help());
            if same && arg.get_help().is_some() {
                found.push(format!("{path} {}", arg.get_id()));
            }
        }
        for sub in english.get_subcommands() {
            let name = sub.get_name();
            match spanish.find_subcommand(name) {
                Some(other) => untranslated(sub, other, &format!("{path} {name}"), found),
                None => found.push(format!("{path} {name}")),
            }
        }
    }

    #[test]
    fn every_command_and_argument_has_spanish_help() {
        let mut found = Vec::new();
        let english = Cli::command();
        untranslated(&english, &in_spanish(Cli::command()), "", &mut found);
        assert!(found.is_empty(), "no Spanish for: {found:?}");
    }

    #[test]
    fn the_command_line_is_sound_in_both_languages() {
        Cli::command().debug_assert();
        in_spanish(Cli::command()).debug_assert();
    }
}
