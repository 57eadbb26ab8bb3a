//! A Python environment for checks that others wrote (`slack_sdk`, `simcord`).
//!
//! Packages are pinned in `tests/python/<name>.txt` and installed once into the target folder. Where
//! Python or its package index is not reachable the caller says that the check was skipped, and why.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of a virtual environment that holds the packages of `tests/python/<name>.txt`.
///
/// # Errors
/// One sentence for the test's output: what could not be done, with the tool's last line.
pub fn interpreter(name: &str) -> Result<PathBuf, String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("python/{name}.txt"));
    let wanted = fs_err::read_to_string(&requirements).map_err(|e| e.to_string())?;
    let dir = Path::new(env!("CASEBOOK_TEST_TMP")).join(format!("python-{name}"));
    fs_err::create_dir_all(&dir).map_err(|e| e.to_string())?;
    // Tests run in parallel processes; one of them installs.
    let lock = fs_err::File::create(dir.join("lock")).map_err(|e| e.to_string())?;
    lock.file().lock().map_err(|e| e.to_string())?;
    let python = dir.join("venv/bin/python");
    let done = dir.join("installed.txt");
    if fs_err::read_to_string(&done).is_ok_and(|installed| installed == wanted) && python.exists() {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(dir.join("venv")))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements))?;
    fs_err::write(&done, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{:?} failed: {}",
        command.get_program(),
        stderr.lines().last().unwrap_or("no output")
    ))
}
