//! From what a person names to the files inside: folders, zips, zips in zips.
//!
//! An archive is untrusted. It is read in a stream, each member into memory or, where it is large, into a temporary
//! file of ours; a member's name is shown and never used as a path, so that no name can climb out of the archive. A
//! zip bomb runs into [`Limits`] before it fills a disk: what counts is what was really unpacked, not what the
//! archive's headers say.

use std::fmt::Write as _;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Place, ReadError};
use crate::member::{Content, Form, Member};

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all members together, over all levels.
    pub total: u64,
    /// Bytes of one member.
    pub member: u64,
    /// Bytes unpacked for each byte packed, once more than a megabyte came out. Code tables reach 30.
    pub ratio: u64,
    /// Archives inside archives.
    pub depth: u32,
    /// Members of all archives together.
    pub members: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 8 << 30,
            member: 2 << 30,
            ratio: 200,
            depth: 4,
            members: 20_000,
        }
    }
}

/// A member of up to so many bytes is kept in memory, a larger one in a temporary file.
const IN_MEMORY: u64 = 8 << 20;
const HEAD: u64 = 64 * 1024;

/// Yields every file below `path`, in the order of their names.
///
/// `take` gets each member; its errors end the walk. Temporary files lie in `temporary`, which should be on a disk
/// with room, and are gone when their member is dropped.
///
/// # Errors
/// A path that does not exist, an archive that is damaged or exceeds `limits`, and whatever `take` returns.
pub fn walk<E: From<ReadError>>(
    path: &Path,
    temporary: &Path,
    limits: &Limits,
    take: &mut dyn FnMut(Member) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk {
        temporary,
        limits,
        unpacked: 0,
        members: 0,
    };
    walk.path(path, take)
}

struct Walk<'a> {
    temporary: &'a Path,
    limits: &'a Limits,
    unpacked: u64,
    members: u64,
}

impl Walk<'_> {
    fn path<E: From<ReadError>>(
        &mut self,
        path: &Path,
        take: &mut dyn FnMut(Member) -> Result<(), E>,
    ) -> Result<(), E> {
        let shown = path.display().to_string();
        let unreadable = |e: std::io::Error| {
            ReadError::new(
                &shown,
                Place::Whole,
                e.to_string(),
                "check the path and its permissions",
            )
        };
        if fs_err::metadata(path).map_err(unreadable)?.is_dir() {
            let mut inside: Vec<PathBuf> = fs_err::read_dir(path)
                .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
                .map_err(unreadable)?;
            inside.sort();
            for path in inside {
                // A link inside a folder could lead anywhere, or round in a circle; hidden files are nobody's release.
                let kind = fs_err::symlink_metadata(&path)
                    .map_err(unreadable)?
                    .file_type();
                let hidden = path
                    .file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with('.'));
                if !kind.is_symlink() && !hidden {
                    self.path(&path, take)?;
                }
            }
            return Ok(());
        }
        let mut file = fs_err::File::open(path).map_err(unreadable)?;
        let (head, sha256, bytes) = digest(&mut file).map_err(unreadable)?;
        self.member(
            Member::new(shown, bytes, sha256, Content::Path(path.to_owned()), head),
            0,
            take,
        )
    }

    fn member<E: From<ReadError>>(
        &mut self,
        member: Member,
        depth: u32,
        take: &mut dyn FnMut(Member) -> Result<(), E>,
    ) -> Result<(), E> {
        if !matches!(member.form, Form::Zip | Form::Gzip) {
            return take(member);
        }
        let refused = |what: String| {
            let remedy = "unpack it by hand, look at what is inside, and name the files";
            E::from(ReadError::new(&member.path, Place::Whole, what, remedy))
        };
        if depth >= self.limits.depth {
            return Err(refused(format!(
                "archives lie more than {} deep",
                self.limits.depth
            )));
        }
        if member.form == Form::Gzip {
            let name = member.path.rsplit(['/', '!']).next().unwrap_or_default();
            let name = name.strip_suffix(".gz").unwrap_or("unpacked");
            let path = format!("{}!{}", member.path, plain(name));
            let inner = self.unpack(
                path,
                member.bytes,
                &mut flate2::read::MultiGzDecoder::new(member.open()?),
            )?;
            return self.member(inner, depth + 1, take);
        }
        let damaged = |e: zip::result::ZipError| {
            E::from(ReadError::damaged(
                &member.path,
                Place::Whole,
                e.to_string(),
            ))
        };
        let mut archive = zip::ZipArchive::new(member.open()?).map_err(damaged)?;
        let mut names: Vec<(usize, String)> = Vec::new();
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(damaged)?;
            let name = crate::member::decode(entry.name_raw()).into_owned();
            if entry.is_file() && !name.starts_with("__MACOSX/") {
                names.push((i, name));
            }
        }
        names.sort_by(|a, b| a.1.cmp(&b.1));
        for (i, name) in names {
            self.members += 1;
            if self.members > self.limits.members {
                return Err(refused(format!(
                    "it holds more than {} files",
                    self.limits.members
                )));
            }
            let mut entry = archive.by_index(i).map_err(damaged)?;
            let packed = entry.compressed_size();
            let path = format!("{}!{}", member.path, plain(&name));
            let inner = self.unpack(path, packed, &mut entry)?;
            drop(entry);
            self.member(inner, depth + 1, take)?;
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        path: String,
        packed: u64,
        from: &mut dyn Read,
    ) -> Result<Member, ReadError> {
        let too_large = |what: String| {
            let remedy = "it is no release file; if it is, unpack it by hand and name the file";
            ReadError::new(&path, Place::Whole, what, remedy)
        };
        let damaged = |e: std::io::Error| ReadError::damaged(&path, Place::Whole, e.to_string());
        let mut hash = Sha256::new();
        let mut memory: Vec<u8> = Vec::new();
        let mut spooled: Option<tempfile::NamedTempFile> = None;
        let mut bytes = 0u64;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = from.read(&mut buffer).map_err(damaged)?;
            if n == 0 {
                break;
            }
            bytes += n as u64;
            self.unpacked += n as u64;
            if bytes > self.limits.member {
                return Err(too_large(format!(
                    "it unpacks to more than {} bytes",
                    self.limits.member
                )));
            }
            if bytes > 1 << 20 && bytes / packed.max(1) > self.limits.ratio {
                let what = format!(
                    "{packed} bytes unpack to more than {} times as many",
                    self.limits.ratio
                );
                return Err(too_large(what));
            }
            if self.unpacked > self.limits.total {
                return Err(too_large(format!(
                    "the archive unpacks to more than {} bytes",
                    self.limits.total
                )));
            }
            hash.update(&buffer[..n]);
            if spooled.is_none() && bytes > IN_MEMORY {
                let mut file = tempfile::NamedTempFile::new_in(self.temporary).map_err(damaged)?;
                file.write_all(&memory).map_err(damaged)?;
                memory.truncate(HEAD as usize);
                spooled = Some(file);
            }
            match &mut spooled {
                Some(file) => file.write_all(&buffer[..n]).map_err(damaged)?,
                None => memory.extend_from_slice(&buffer[..n]),
            }
        }
        let head = memory[..memory.len().min(HEAD as usize)].to_vec();
        let content = match spooled {
            Some(file) => Content::Spooled(file),
            None => Content::Memory(memory.into()),
        };
        Ok(Member::new(
            path,
            bytes,
            hex(&hash.finalize()),
            content,
            head,
        ))
    }
}

/// A member's name for people: without control characters, of a sane length.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn digest(file: &mut (impl Read + Seek)) -> std::io::Result<(Vec<u8>, String, u64)> {
    let mut hash = Sha256::new();
    let mut head = Vec::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        if head.len() < HEAD as usize {
            let more = (HEAD as usize - head.len()).min(n);
            head.extend_from_slice(&buffer[..more]);
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
    Ok((head, hex(&hash.finalize()), bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
            // Writing to a string cannot fail.
            let _ = write!(s, "{b:02x}");
            s
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use zip::write::SimpleFileOptions;

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn found(bytes: &[u8], limits: &Limits) -> Result<Vec<(String, u64)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        fs_err::write(&path, bytes).unwrap();
        let mut found = Vec::new();
        walk::<ReadError>(&path, dir.path(), limits, &mut |m| {
            let inside = m.path.split_once("a.zip").map_or("", |p| p.1).to_owned();
            found.push((inside, m.bytes));
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        assert_eq!(
            fs_err::read_dir(dir.path()).unwrap().count(),
            1,
            "temporary files are left"
        );
        Ok(found)
    }

    #[test]
    fn zips_in_zips_are_walked_in_order() {
        let inner = zip(&[("b.txt", b"22"), ("a.txt", b"1")]);
        let outer = zip(&[("x/inner.zip", &inner), ("0.txt", b"")]);
        assert_eq!(
            found(&outer, &Limits::default()).unwrap(),
            [
                ("!0.txt".into(), 0),
                ("!x/inner.zip!a.txt".into(), 1),
                ("!x/inner.zip!b.txt".into(), 2)
            ]
        );
    }

    #[test]
    fn a_large_member_is_spooled_and_a_bomb_refused() {
        let large: Vec<u8> = (0..IN_MEMORY + 100)
            .map(|i| ((i * 2_654_435_761) >> 16) as u8)
            .collect();
        assert_eq!(
            found(&zip(&[("l", &large)]), &Limits::default()).unwrap()[0].1,
            IN_MEMORY + 100
        );
        let bomb = vec![0; 4 << 20];
        let said = found(&zip(&[("bomb", &bomb)]), &Limits::default()).unwrap_err();
        assert!(said.contains("200 times"), "{said}");
        let few = Limits {
            members: 1,
            ..Limits::default()
        };
        assert!(
            found(&zip(&[("a", b"1"), ("b", b"2")]), &few)
                .unwrap_err()
                .contains("more than 1 files")
        );
        let mut nested = zip(&[("a", b"1")]);
        for _ in 0..5 {
            nested = zip(&[("n.zip", &nested)]);
        }
        assert!(
            found(&nested, &Limits::default())
                .unwrap_err()
                .contains("4 deep")
        );
    }

    #[test]
    fn a_gzip_holds_one_file() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"hello").unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(
            found(&zip(&[("x.csv.gz", &packed)]), &Limits::default()).unwrap(),
            [("!x.csv.gz!x.csv".into(), 5)]
        );
        let said = found(
            &zip(&[("x.gz", &packed[..packed.len() - 4])]),
            &Limits::default(),
        )
        .unwrap_err();
        assert!(said.contains("download it"), "{said}");
    }

    #[test]
    fn a_name_that_climbs_out_is_only_a_name() {
        let got = found(&zip(&[("../../etc/passwd", b"x")]), &Limits::default()).unwrap();
        assert_eq!(got, [("!../../etc/passwd".into(), 1)]);
        assert!(!Path::new("../../etc/passwd").exists());
    }

    #[test]
    fn a_cut_archive_says_so() {
        let whole = zip(&[("a", b"1234567890")]);
        let said = found(&whole[..whole.len() - 30], &Limits::default()).unwrap_err();
        assert!(
            said.contains("download it from its publisher again"),
            "{said}"
        );
    }
}
