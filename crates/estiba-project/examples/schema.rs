//! Prints the JSON schema of `estiba.yaml`.

fn main() -> Result<(), serde_json::Error> {
    println!(
        "{}",
        serde_json::to_string_pretty(&estiba_project::schema())?
    );
    Ok(())
}
