//! Where `libchdb.so` is: it is fetched for itself (`make engine`), not linked.

use std::path::{Path, PathBuf};

use super::EngineError;

/// The engine's file name.
const FILE_NAME: &str = "libchdb.so";
/// The folder, below the repository or the working directory, that `make engine` fills.
const FETCHED: &str = "data/engine";
/// The environment variable that names the file.
pub const ENVIRONMENT: &str = "FOOTFALL_ENGINE";

/// Finds the engine: `explicit` (flag or configuration), else the variable `FOOTFALL_ENGINE`, else
/// `engine/` in the data directory, `data/engine/` of the working directory or of the repository around it,
/// `/usr/local/lib`, `/usr/lib`.
///
/// # Errors
/// [`EngineError::Missing`] with every place looked at. A file named by `explicit` or the variable is
/// not replaced by another one.
pub fn find_library(explicit: Option<&Path>, data: Option<&Path>) -> Result<PathBuf, EngineError> {
    let environment = std::env::var_os(ENVIRONMENT).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = explicit.map(Path::to_path_buf).or(environment);
    let working = std::env::current_dir().ok();
    let places = named.map_or_else(|| usual_places(data, working.as_deref()), |path| vec![path]);
    first_file(&places)
}

fn usual_places(data: Option<&Path>, working: Option<&Path>) -> Vec<PathBuf> {
    let in_data = data.map(|data| data.join("engine"));
    // Not every folder above: one of them may be anybody's to write to.
    let repository = working.and_then(|working| working.ancestors().find(|folder| is_repository(folder)));
    let mut fetched: Vec<PathBuf> =
        working.into_iter().chain(repository).map(|folder| folder.join(FETCHED)).collect();
    fetched.dedup();
    let system = ["/usr/local/lib", "/usr/lib"].map(PathBuf::from);
    in_data.into_iter().chain(fetched).chain(system).map(|folder| folder.join(FILE_NAME)).collect()
}

fn is_repository(folder: &Path) -> bool {
    folder.join("Cargo.lock").is_file()
}

fn first_file(places: &[PathBuf]) -> Result<PathBuf, EngineError> {
    let found = places.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| EngineError::Missing { looked_at: places.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_into_the_data_then_here_then_into_the_repository_then_the_system() {
        let repository = tempfile::tempdir().unwrap();
        std::fs::write(repository.path().join("Cargo.lock"), "").unwrap();
        let working = repository.path().join("deploy/embedded");
        let places = usual_places(Some(Path::new("/var/footfall")), Some(&working));
        let expected = [
            Path::new("/var/footfall/engine"),
            &working.join(FETCHED),
            &repository.path().join(FETCHED),
            Path::new("/usr/local/lib"),
            Path::new("/usr/lib"),
        ];
        assert_eq!(places, expected.map(|folder| folder.join(FILE_NAME)));
        let at_the_top = usual_places(None, Some(repository.path()));
        assert_eq!(at_the_top.len(), 3, "the repository itself is named once: {at_the_top:?}");
    }

    #[test]
    fn a_named_file_that_is_missing_is_an_error_that_says_how_to_get_one() {
        let error = find_library(Some(Path::new("/nowhere/libchdb.so")), None).unwrap_err().to_string();
        assert!(error.contains("/nowhere/libchdb.so"), "{error}");
        assert!(error.contains("make engine") && error.contains("FOOTFALL_ENGINE"), "{error}");
    }

    #[test]
    fn takes_the_first_file_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "").unwrap();
        let places = [PathBuf::from("/nowhere/libchdb.so"), file.clone()];
        assert_eq!(first_file(&places).unwrap(), file);
    }
}
