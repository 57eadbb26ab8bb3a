//! Qdrant as a server or cluster, past one machine.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
    DeletePointsBuilder, Distance, FieldType, Filter as ServerFilter, Modifier, NamedVectors,
    PointId, PointStruct, PointVectors, PointsIdsList, Query as ServerQuery,
    QueryBatchPointsBuilder, QueryPointsBuilder, Range, ScoredPoint, ScrollPointsBuilder,
    SparseVectorParamsBuilder, SparseVectorsConfigBuilder, UpdatePointVectorsBuilder,
    UpsertPointsBuilder, Value, Vector, VectorInput, VectorParamsBuilder, VectorsConfigBuilder,
    point_id::PointIdOptions, value::Kind,
};
use qdrant_client::{Payload, Qdrant, QdrantError};
use secrecy::{ExposeSecret, SecretString};

use super::{
    DENSE, Filter, Found, OPEN_END, Passage, Point, Query, SPARSE, Store, StoreError, day, union,
};

/// Points for each page when ids are listed, and for each write.
const PAGE: u32 = 10_000;
const WRITE: usize = 500;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The server's version.
    pub version: String,
    /// Points in the collection; none where it does not exist yet.
    pub points: Option<u64>,
}

fn client(
    url: &str,
    api_key: Option<&SecretString>,
    within: Duration,
) -> Result<Qdrant, QdrantError> {
    let mut settings = Qdrant::from_url(url).timeout(within);
    if let Some(key) = api_key {
        settings = settings.api_key(key.expose_secret());
    }
    settings.skip_compatibility_check().build()
}

/// One collection of a Qdrant server.
pub struct ServerStore {
    client: Qdrant,
    url: String,
    collection: String,
}

impl ServerStore {
    /// Connects (gRPC, usually port 6334) and creates the collection where it is missing.
    ///
    /// # Errors
    /// Where the server is not reachable or refuses.
    pub async fn open(
        url: &str,
        api_key: Option<&SecretString>,
        collection: &str,
        dimensions: usize,
    ) -> Result<Self, StoreError> {
        let fail = |e: QdrantError| StoreError::Server {
            url: url.to_owned(),
            message: e.to_string(),
        };
        let client = client(url, api_key, Duration::from_secs(30)).map_err(fail)?;
        let store = Self {
            client,
            url: url.to_owned(),
            collection: collection.to_owned(),
        };
        if !store
            .client
            .collection_exists(collection)
            .await
            .map_err(fail)?
        {
            store.create(dimensions).await.map_err(fail)?;
        }
        Ok(store)
    }

    /// The name of a collection's store, whether or not it is there.
    pub fn name_of(url: &str, collection: &str) -> String {
        format!("{url} {collection}")
    }

    /// Asks a server what it is and what the collection holds. Nothing is created.
    ///
    /// # Errors
    /// Where the server is not reachable or refuses.
    pub async fn probe(
        url: &str,
        api_key: Option<&SecretString>,
        collection: &str,
    ) -> Result<Probe, StoreError> {
        let asked = async {
            let client = client(url, api_key, Duration::from_secs(10))?;
            let version = client.health_check().await?.version;
            let points = match client.collection_exists(collection).await? {
                false => None,
                true => {
                    let request = CountPointsBuilder::new(collection).exact(true);
                    client.count(request).await?.result.map(|r| r.count)
                }
            };
            Ok::<_, QdrantError>(Probe { version, points })
        };
        asked.await.map_err(|e| StoreError::Server {
            url: url.to_owned(),
            message: e.to_string(),
        })
    }

    /// Removes the collection with everything in it.
    ///
    /// # Errors
    /// The server's.
    pub async fn drop_collection(&self) -> Result<(), StoreError> {
        self.client
            .delete_collection(&self.collection)
            .await
            .map(|_| ())
            .map_err(|e| self.fail(e))
    }

    async fn create(&self, dimensions: usize) -> Result<(), QdrantError> {
        let mut dense = VectorsConfigBuilder::default();
        dense.add_named_vector_params(
            DENSE,
            VectorParamsBuilder::new(dimensions as u64, Distance::Cosine),
        );
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(
            SPARSE,
            SparseVectorParamsBuilder::default().modifier(Modifier::Idf),
        );
        self.client
            .create_collection(
                CreateCollectionBuilder::new(&self.collection)
                    .vectors_config(dense)
                    .sparse_vectors_config(sparse),
            )
            .await?;
        for (field, kind) in [
            ("system", FieldType::Keyword),
            ("edition", FieldType::Keyword),
            ("from", FieldType::Integer),
            ("through", FieldType::Integer),
        ] {
            self.client
                .create_field_index(
                    CreateFieldIndexCollectionBuilder::new(&self.collection, field, kind)
                        .wait(true),
                )
                .await?;
        }
        Ok(())
    }

    fn fail(&self, e: QdrantError) -> StoreError {
        StoreError::Server {
            url: self.url.clone(),
            message: e.to_string(),
        }
    }

    fn nearest(&self, vector: VectorInput, using: &str, query: &Query) -> QueryPointsBuilder {
        let mut request = QueryPointsBuilder::new(&self.collection)
            .query(ServerQuery::new_nearest(vector))
            .using(using)
            .limit(query.limit as u64)
            .with_payload(true);
        if let Some(filter) = filter(&query.filter) {
            request = request.filter(filter);
        }
        request
    }
}

#[async_trait]
impl Store for ServerStore {
    fn name(&self) -> String {
        Self::name_of(&self.url, &self.collection)
    }

    async fn count(&self) -> Result<usize, StoreError> {
        let request = CountPointsBuilder::new(&self.collection).exact(true);
        let found = self.client.count(request).await.map_err(|e| self.fail(e))?;
        Ok(found.result.map_or(0, |r| r.count as usize))
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<(), StoreError> {
        for chunk in points.chunks(WRITE) {
            let mut sent = Vec::with_capacity(chunk.len());
            for p in chunk {
                let mut vectors = NamedVectors::default().add_vector(
                    SPARSE,
                    Vector::new_sparse(p.sparse.indices.clone(), p.sparse.values.clone()),
                );
                if let Some(dense) = &p.dense {
                    vectors = vectors.add_vector(DENSE, dense.clone());
                }
                let payload = Payload::try_from(p.passage.payload()).map_err(|e| self.fail(e))?;
                sent.push(PointStruct::new(p.id, vectors, payload));
            }
            self.client
                .upsert_points(UpsertPointsBuilder::new(&self.collection, sent).wait(true))
                .await
                .map_err(|e| self.fail(e))?;
        }
        Ok(())
    }

    async fn set_dense(&self, vectors: Vec<(u64, Vec<f32>)>) -> Result<(), StoreError> {
        for chunk in vectors.chunks(WRITE) {
            let points: Vec<PointVectors> = chunk
                .iter()
                .map(|(id, dense)| PointVectors {
                    id: Some((*id).into()),
                    vectors: Some(
                        NamedVectors::default()
                            .add_vector(DENSE, dense.clone())
                            .into(),
                    ),
                })
                .collect();
            self.client
                .update_vectors(UpdatePointVectorsBuilder::new(&self.collection, points).wait(true))
                .await
                .map_err(|e| self.fail(e))?;
        }
        Ok(())
    }

    async fn delete(&self, ids: &[u64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = PointsIdsList {
            ids: ids.iter().map(|&id| id.into()).collect(),
        };
        self.client
            .delete_points(
                DeletePointsBuilder::new(&self.collection)
                    .points(ids)
                    .wait(true),
            )
            .await
            .map_err(|e| self.fail(e))?;
        Ok(())
    }

    async fn ids(&self, with_dense: bool) -> Result<HashSet<u64>, StoreError> {
        let mut found = HashSet::new();
        let mut offset: Option<PointId> = None;
        loop {
            let mut request = ScrollPointsBuilder::new(&self.collection)
                .limit(PAGE)
                .with_payload(false);
            if with_dense {
                request = request.filter(ServerFilter::must([Condition::has_vector(DENSE)]));
            }
            if let Some(offset) = offset.take() {
                request = request.offset(offset);
            }
            let page = self
                .client
                .scroll(request)
                .await
                .map_err(|e| self.fail(e))?;
            found.extend(page.result.into_iter().filter_map(|p| number(p.id?)));
            match page.next_page_offset {
                Some(next) => offset = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn search(&self, query: &Query) -> Result<Vec<Found>, StoreError> {
        let mut requests = Vec::new();
        if let Some(dense) = &query.dense {
            requests.push(
                self.nearest(VectorInput::new_dense(dense.clone()), DENSE, query)
                    .build(),
            );
        }
        if !query.sparse.indices.is_empty() {
            let sparse = &query.sparse;
            let vector = VectorInput::new_sparse(sparse.indices.clone(), sparse.values.clone());
            requests.push(self.nearest(vector, SPARSE, query).build());
        }
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let has_dense = query.dense.is_some();
        let mut lists = self
            .client
            .query_batch(QueryBatchPointsBuilder::new(&self.collection, requests))
            .await
            .map_err(|e| self.fail(e))?
            .result
            .into_iter()
            .map(|list| list.result);
        let dense = if has_dense {
            lists.next().unwrap_or_default()
        } else {
            Vec::new()
        };
        let words = lists.next().unwrap_or_default();
        Ok(union(
            dense.into_iter().filter_map(read),
            words.into_iter().filter_map(read),
        ))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        // Every write waited for the server to apply it.
        Ok(())
    }

    async fn optimize(&self) -> Result<(), StoreError> {
        // The server optimises by itself.
        Ok(())
    }
}

fn number(id: PointId) -> Option<u64> {
    match id.point_id_options? {
        PointIdOptions::Num(id) => Some(id),
        PointIdOptions::Uuid(_) => None,
    }
}

fn read(point: ScoredPoint) -> Option<(u64, f32, Passage)> {
    let kind = |field: &str| {
        point
            .payload
            .get(field)
            .and_then(|v: &Value| v.kind.as_ref())
    };
    let passage = Passage::read(
        |field| match kind(field)? {
            Kind::StringValue(s) => Some(s.clone()),
            _ => None,
        },
        |field| match kind(field)? {
            Kind::IntegerValue(n) => Some(*n),
            _ => None,
        },
    );
    Some((number(point.id.clone()?)?, point.score, passage))
}

fn filter(filter: &Filter) -> Option<ServerFilter> {
    let mut must = Vec::new();
    if let Some(systems) = filter.system_values() {
        must.push(Condition::matches("system", systems));
    }
    if !filter.editions.is_empty() {
        must.push(Condition::matches("edition", filter.editions.clone()));
    }
    if let Some(on) = filter.on {
        let on = day(on) as f64;
        must.push(Condition::range(
            "from",
            Range {
                lte: Some(on),
                ..Range::default()
            },
        ));
        must.push(Condition::range(
            "through",
            Range {
                gte: Some(on),
                lte: Some(OPEN_END as f64),
                ..Range::default()
            },
        ));
    }
    (!must.is_empty()).then(|| ServerFilter::must(must))
}
