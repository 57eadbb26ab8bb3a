//! Qdrant inside the process: no service to install, one folder of files.
//!
//! The engine's calls block, so they run on tokio's blocking threads. Its `flush` panics when a write is
//! under way, so writing and flushing share a mutex; readers are never held up by it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use qdrant_edge::{
    Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams,
    EdgeVectorParams, FieldIndexOperations, Filter as EdgeFilter, Modifier, NamedQuery,
    NamedVectors, OperationError, PayloadFieldSchema, PayloadSchemaType, PointId,
    PointInsertOperations, PointOperations, PointStruct, PointVectorsPersisted, QueryEnum,
    QueryRequest, ScoredPoint, ScoringQuery, ScrollRequest, SparseVector, UpdateOperation,
    UpdateVectorsOp, VectorInternal, VectorOperations, VectorStructPersisted, Vectors,
    WithPayloadInterface, WithVector,
};
use serde_json::json;

use super::{DENSE, Filter, Found, Passage, Point, Query, SPARSE, Store, StoreError, day, union};
use crate::lexical::Sparse;

/// The embedded engine, on one folder.
pub struct EdgeStore {
    inner: Arc<Inner>,
}

struct Inner {
    shard: EdgeShard,
    path: PathBuf,
    writing: Mutex<()>,
    /// Set where this process reads a copy, because another one holds the original.
    copy: Option<tempfile::TempDir>,
}

impl EdgeStore {
    /// Opens the index in a folder, or creates an empty one for vectors of `dimensions` numbers.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it open; otherwise the engine's.
    pub fn open(path: &Path, dimensions: usize) -> Result<Self, StoreError> {
        Self::load(path, dimensions, None)
    }

    /// Opens a copy of an index that another process holds, as it was last flushed; where that one is writing just then,
    /// after a few attempts. For reading: what is written to the copy is lost with it.
    ///
    /// # Errors
    /// Where the files cannot be copied, or the engine refuses them.
    pub fn open_copy(path: &Path, dimensions: usize) -> Result<Self, StoreError> {
        let failed = |e: std::io::Error| StoreError::Edge {
            path: shown(path),
            message: e.to_string(),
        };
        let mut attempt = 1;
        loop {
            let copy = tempfile::tempdir_in(path.parent().unwrap_or(path)).map_err(failed)?;
            let whole = copy_folder(path, copy.path()).map_err(failed)?;
            let folder = copy.path().to_owned();
            let opened = Self::load(&folder, dimensions, Some(copy));
            // The other process was writing: what was copied may be half of it. If it never rests, what opens will do.
            if attempt == COPIES || (whole && opened.is_ok()) {
                return opened;
            }
            attempt += 1;
            std::thread::sleep(BETWEEN_COPIES);
        }
    }

    fn load(
        path: &Path,
        dimensions: usize,
        copy: Option<tempfile::TempDir>,
    ) -> Result<Self, StoreError> {
        let fail = |message: String| StoreError::Edge {
            path: shown(path),
            message,
        };
        fs_err::create_dir_all(path).map_err(|e| fail(e.to_string()))?;
        let config = EdgeConfig::builder()
            .vector(
                DENSE,
                EdgeVectorParams::builder(dimensions, Distance::Cosine).build(),
            )
            .sparse_vector(
                SPARSE,
                EdgeSparseVectorParams::builder()
                    .modifier(Modifier::Idf)
                    .build(),
            )
            .build();
        let fresh = !path.join("segments").exists();
        let opened = if fresh {
            EdgeShard::new(path, config)
        } else {
            EdgeShard::load(path, Some(config))
        };
        let shard = opened.map_err(|e| {
            let message = e.to_string();
            // The engine reports its lock as the platform's "would block" error, without a kind of its own.
            if message.contains("WAL")
                && (message.contains("lock") || message.contains("unavailable"))
            {
                StoreError::Locked(shown(path))
            } else {
                fail(message)
            }
        })?;
        let store = Self {
            inner: Arc::new(Inner {
                shard,
                path: path.to_owned(),
                writing: Mutex::new(()),
                copy,
            }),
        };
        if fresh {
            for (field, kind) in [
                ("system", PayloadSchemaType::Keyword),
                ("edition", PayloadSchemaType::Keyword),
                ("from", PayloadSchemaType::Integer),
                ("through", PayloadSchemaType::Integer),
            ] {
                let field_name = field
                    .parse()
                    .map_err(|()| fail(format!("field name {field}")))?;
                store.inner.write(UpdateOperation::FieldIndexOperation(
                    FieldIndexOperations::CreateIndex(CreateIndex {
                        field_name,
                        field_schema: Some(PayloadFieldSchema::FieldType(kind)),
                    }),
                ))?;
            }
        }
        Ok(store)
    }

    /// Whether this is a copy of an index that another process holds.
    pub fn is_copy(&self) -> bool {
        self.inner.copy.is_some()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.inner.clone();
        let path = shown(&inner.path);
        tokio::task::spawn_blocking(move || {
            // The engine panics on a full disk; a panic must not pass for an answer.
            catch_unwind(AssertUnwindSafe(|| work(&inner))).unwrap_or_else(|_| {
                Err(StoreError::Edge {
                    path: shown(&inner.path),
                    message: "the engine stopped; is the disk full?".into(),
                })
            })
        })
        .await
        .unwrap_or_else(|e| {
            Err(StoreError::Edge {
                path,
                message: e.to_string(),
            })
        })
    }
}

impl Inner {
    fn fail(&self, e: OperationError) -> StoreError {
        StoreError::Edge {
            path: shown(&self.path),
            message: e.to_string(),
        }
    }

    fn write(&self, operation: UpdateOperation) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.shard.update(operation).map_err(|e| self.fail(e))
    }

    fn nearest(
        &self,
        vector: VectorInternal,
        using: &str,
        query: &Query,
    ) -> Result<Vec<ScoredPoint>, StoreError> {
        let filter = filter(&query.filter).map_err(|e| StoreError::Edge {
            path: shown(&self.path),
            message: format!("filter: {e}"),
        })?;
        let nearest = QueryEnum::Nearest(NamedQuery {
            query: vector,
            using: Some(using.to_owned()),
        });
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(nearest)),
            filter,
            score_threshold: None,
            limit: query.limit,
            offset: 0,
            params: None,
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(true),
        };
        self.shard.query(request).map_err(|e| self.fail(e))
    }
}

#[async_trait]
impl Store for EdgeStore {
    fn name(&self) -> String {
        shown(&self.inner.path)
    }

    async fn count(&self) -> Result<usize, StoreError> {
        self.run(|inner| {
            inner
                .shard
                .count(CountRequest {
                    filter: None,
                    exact: true,
                })
                .map_err(|e| inner.fail(e))
        })
        .await
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<(), StoreError> {
        self.run(move |inner| {
            let points = points
                .into_iter()
                .map(|p| {
                    let mut vectors = NamedVectors::default().add_vector(SPARSE, sparse(p.sparse));
                    if let Some(dense) = p.dense {
                        vectors = vectors.add_vector(DENSE, dense);
                    }
                    PointStruct::new(p.id, Vectors::from(vectors), p.passage.payload()).into()
                })
                .collect();
            inner.write(UpdateOperation::PointOperation(
                PointOperations::UpsertPoints(PointInsertOperations::PointsList(points)),
            ))
        })
        .await
    }

    async fn set_dense(&self, vectors: Vec<(u64, Vec<f32>)>) -> Result<(), StoreError> {
        self.run(move |inner| {
            let points = vectors
                .into_iter()
                .map(|(id, dense)| PointVectorsPersisted {
                    id: PointId::NumId(id),
                    vector: VectorStructPersisted::from(Vectors::new_named([(DENSE, dense)]).0),
                })
                .collect();
            inner.write(UpdateOperation::VectorOperation(
                VectorOperations::UpdateVectors(UpdateVectorsOp {
                    points,
                    update_filter: None,
                }),
            ))
        })
        .await
    }

    async fn delete(&self, ids: &[u64]) -> Result<(), StoreError> {
        let ids = ids.iter().map(|&id| PointId::NumId(id)).collect();
        self.run(move |inner| {
            inner.write(UpdateOperation::PointOperation(
                PointOperations::DeletePoints { ids },
            ))
        })
        .await
    }

    async fn ids(&self, with_dense: bool) -> Result<HashSet<u64>, StoreError> {
        self.run(move |inner| {
            let filter = with_dense
                .then(|| EdgeFilter::new_must(Condition::HasVector(DENSE.to_owned().into())));
            let (records, _) = inner
                .shard
                .scroll(ScrollRequest {
                    limit: Some(usize::MAX - 1),
                    filter,
                    with_payload: Some(WithPayloadInterface::Bool(false)),
                    ..ScrollRequest::default()
                })
                .map_err(|e| inner.fail(e))?;
            Ok(records.into_iter().filter_map(|r| number(r.id)).collect())
        })
        .await
    }

    async fn search(&self, query: &Query) -> Result<Vec<Found>, StoreError> {
        let query = query.clone();
        self.run(move |inner| {
            let dense = match &query.dense {
                Some(v) => inner.nearest(VectorInternal::from(v.clone()), DENSE, &query)?,
                None => Vec::new(),
            };
            let words = if query.sparse.indices.is_empty() {
                Vec::new()
            } else {
                inner.nearest(
                    VectorInternal::from(sparse(query.sparse.clone())),
                    SPARSE,
                    &query,
                )?
            };
            Ok(union(
                dense.into_iter().filter_map(read),
                words.into_iter().filter_map(read),
            ))
        })
        .await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.run(|inner| {
            let _writing = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
            inner.shard.flush();
            Ok(())
        })
        .await
    }

    async fn optimize(&self) -> Result<(), StoreError> {
        self.run(|inner| {
            let _writing = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
            inner.shard.optimize().map_err(|e| inner.fail(e))?;
            inner.shard.flush();
            Ok(())
        })
        .await
    }
}

fn sparse(s: Sparse) -> SparseVector {
    SparseVector {
        indices: s.indices,
        values: s.values,
    }
}

fn number(id: PointId) -> Option<u64> {
    match id {
        PointId::NumId(id) => Some(id),
        PointId::Uuid(_) => None,
    }
}

fn read(point: ScoredPoint) -> Option<(u64, f32, Passage)> {
    let payload = point.payload?.0;
    let passage = Passage::read(
        |field| {
            payload
                .get(field)
                .and_then(|v| v.as_str())
                .map(str::to_owned)
        },
        |field| payload.get(field).and_then(serde_json::Value::as_i64),
    );
    Some((number(point.id)?, point.score, passage))
}

/// The engine's filters deserialize from Qdrant's REST form, which keeps this one legible.
fn filter(filter: &Filter) -> serde_json::Result<Option<EdgeFilter>> {
    let mut must = Vec::new();
    if let Some(systems) = filter.system_values() {
        must.push(json!({"key": "system", "match": {"any": systems}}));
    }
    if !filter.editions.is_empty() {
        must.push(json!({"key": "edition", "match": {"any": filter.editions}}));
    }
    if let Some(on) = filter.on {
        must.push(json!({"key": "from", "range": {"lte": day(on)}}));
        must.push(json!({"key": "through", "range": {"gte": day(on)}}));
    }
    if must.is_empty() {
        return Ok(None);
    }
    serde_json::from_value(json!({ "must": must })).map(Some)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How often an index is copied that another process is writing, and how long that is waited for in between.
const COPIES: u32 = 8;
const BETWEEN_COPIES: Duration = Duration::from_millis(100);

/// Copies an index but for its write-ahead log, which the other process is writing. False where something went away
/// meanwhile: that process finishes a file beside its place and renames it, and drops segments that it has merged.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<bool> {
    let mut whole = true;
    for entry in fs_err::read_dir(from)? {
        // A file on its way to its place is no part of the index.
        let passing =
            |e: &fs_err::DirEntry| e.file_name().to_string_lossy().starts_with(".atomicwrite");
        let copied = entry.and_then(|entry| match entry.file_type()?.is_dir() {
            _ if passing(&entry) => Ok(true),
            true => {
                let target = to.join(entry.file_name());
                fs_err::create_dir_all(&target)?;
                match entry.file_name() == "wal" {
                    true => Ok(true),
                    false => copy_folder(&entry.path(), &target),
                }
            }
            false => fs_err::copy(entry.path(), to.join(entry.file_name())).map(|_| true),
        });
        match copied {
            Ok(all) => whole &= all,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => whole = false,
            Err(e) => return Err(e),
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that leads nowhere is listed and cannot be copied, as a file that was removed in between.
    #[cfg(unix)]
    #[test]
    fn what_goes_away_meanwhile_is_left_out_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for folder in ["from/segments/a", "from/.atomicwrite123", "from/wal", "to"] {
            fs_err::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for file in ["segments/a/rows", ".atomicwrite123/half", "wal/log"] {
            fs_err::write(from.join(file), "x").unwrap();
        }
        assert!(copy_folder(&from, &to).unwrap());
        assert!(to.join("segments/a/rows").exists() && to.join("wal").exists());
        assert!(!to.join(".atomicwrite123").exists() && !to.join("wal/log").exists());
        fs_err::os::unix::fs::symlink("nowhere", from.join("segments/a/gone")).unwrap();
        fs_err::remove_file(to.join("segments/a/rows")).unwrap();
        assert!(!copy_folder(&from, &to).unwrap());
        assert!(to.join("segments/a/rows").exists());
    }
}
