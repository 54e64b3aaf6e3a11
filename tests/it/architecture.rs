//! What must never be there, by what the packages and the sources say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    serde_json::from_slice(&metadata.stdout).unwrap()
});

fn packages() -> &'static [Value] {
    METADATA["packages"].as_array().unwrap()
}

fn functions() -> impl Iterator<Item = &'static Value> {
    packages().iter().filter(|package| {
        let manifest = package["manifest_path"].as_str().unwrap();
        manifest.contains("/functions/")
    })
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

fn dependencies(package: &Value) -> Vec<&str> {
    let dependencies = package["dependencies"].as_array().unwrap();
    dependencies.iter().map(name).collect()
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(ROOT).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files
}

#[test]
fn a_folder_is_an_operation_is_a_crate_is_a_binary() {
    assert_eq!(functions().count(), 9);
    for package in functions() {
        let folder = format!("/functions/{}/Cargo.toml", name(package));
        assert!(
            package["manifest_path"]
                .as_str()
                .unwrap()
                .ends_with(&folder)
        );
        let binaries: Vec<_> = package["targets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|target| target["kind"][0] == "bin")
            .map(name)
            .collect();
        assert_eq!(binaries, [name(package)]);
    }
}

#[test]
fn no_function_depends_on_another_or_on_local_mode_or_on_the_sdk() {
    let names: Vec<_> = functions().map(name).collect();
    for package in functions() {
        for dependency in dependencies(package) {
            let is_forbidden = names.contains(&dependency)
                || ["local", "tests", "dynoxide-rs"].contains(&dependency)
                || dependency.starts_with("aws-");
            assert!(!is_forbidden, "{} depends on {dependency}", name(package));
        }
    }
}

#[test]
fn no_handler_imports_the_sdk() {
    for file in sources("functions") {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("aws_"), "{}", file.display());
    }
}

#[test]
fn what_the_functions_share_depends_on_no_function_and_on_nothing_of_local_mode() {
    let names: Vec<_> = functions().map(name).collect();
    let common = packages().iter().find(|package| name(package) == "common");
    for dependency in dependencies(common.unwrap()) {
        let is_forbidden =
            names.contains(&dependency) || ["local", "tests", "dynoxide-rs"].contains(&dependency);
        assert!(!is_forbidden, "common depends on {dependency}");
    }
}

/// A status code stands where errors become answers, and where a handler succeeds.
#[test]
fn errors_get_their_status_in_one_place() {
    for file in sources("common/src")
        .into_iter()
        .chain(sources("functions"))
    {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let names_an_error = [
            "BAD_REQUEST",
            "NOT_FOUND",
            "CONFLICT",
            "PRECONDITION_FAILED",
            "UNPROCESSABLE",
            "SERVICE_UNAVAILABLE",
            "INTERNAL_SERVER_ERROR",
        ]
        .iter()
        .any(|status| code.contains(&format!("StatusCode::{status}")));
        let is_the_place = file.ends_with("common/src/problem.rs");
        assert!(is_the_place || !names_an_error, "{}", file.display());
    }
}

/// Prices and all other numbers stay text: `f64` is only in what describes the API, and in DynamoDB's capacity
/// units.
#[test]
fn no_number_of_an_order_is_a_float() {
    for file in sources("common/src") {
        let is_excepted = ["describe.rs", "envelope/reply.rs"]
            .iter()
            .any(|name| file.ends_with(name));
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let uses_floats = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .any(|line| line.contains("f64") || line.contains("f32"));
        assert!(is_excepted || !uses_floats, "{}", file.display());
    }
}

#[test]
fn a_main_is_about_ten_lines() {
    for package in functions() {
        let file = format!("{ROOT}/functions/{}/src/main.rs", name(package));
        assert!(fs::read_to_string(file).unwrap().lines().count() <= 10);
    }
}
