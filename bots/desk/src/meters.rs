//! What is counted, for Prometheus. Labels are platforms, commands and outcomes: never an id of a person or a channel.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Counters of the process. Clones count into the same ones.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    registry: Registry,
    questions: Family<Outcome, Counter>,
    event_to_post: Family<Platform, Histogram, fn() -> Histogram>,
    waiting: Family<Platform, Gauge>,
    in_flight: Family<Platform, Gauge>,
    failed_posts: Family<Platform, Counter>,
    reconnects: Family<Platform, Counter>,
    left_over: Family<Platform, Counter>,
    connected: Family<Platform, Gauge>,
    links: Mutex<BTreeMap<&'static str, bool>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    platform: &'static str,
    intent: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Platform {
    platform: &'static str,
}

/// Seconds; the platforms' own calls take tenths, the slowest answers a minute.
const BUCKETS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Meters {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("casebook");
        let questions = Family::default();
        let event_to_post = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (waiting, in_flight, connected) =
            (Family::default(), Family::default(), Family::default());
        let (failed_posts, reconnects, left_over) =
            (Family::default(), Family::default(), Family::default());
        registry.register(
            "questions",
            "Questions and presses of buttons, by outcome",
            questions.clone(),
        );
        registry.register_with_unit(
            "event_to_post",
            "From a question's arrival to its reply having been taken by the platform",
            Unit::Seconds,
            event_to_post.clone(),
        );
        registry.register(
            "queue_depth",
            "Questions that wait for their turn",
            waiting.clone(),
        );
        registry.register(
            "in_flight",
            "Questions that were taken in and have no reply yet",
            in_flight.clone(),
        );
        registry.register(
            "failed_posts",
            "Replies that the platform did not take",
            failed_posts.clone(),
        );
        registry.register(
            "reconnects",
            "Connections to the platform that had to be opened again",
            reconnects.clone(),
        );
        registry.register(
            "left_over",
            "Questions taken over from a process that ended before it replied",
            left_over.clone(),
        );
        registry.register(
            "connected",
            "Whether the platform is connected",
            connected.clone(),
        );
        Self(Arc::new(Inner {
            registry,
            questions,
            event_to_post,
            waiting,
            in_flight,
            failed_posts,
            reconnects,
            left_over,
            connected,
            links: Mutex::default(),
        }))
    }
}

impl Meters {
    /// Tells that an adapter's connection stands or not, from its start on: readiness rests on it.
    pub fn connected(&self, platform: &'static str, yes: bool) {
        self.0
            .connected
            .get_or_create(&Platform { platform })
            .set(yes.into());
        self.links().insert(platform, yes);
    }

    /// Counts a connection that was opened again.
    pub fn reconnected(&self, platform: &'static str) {
        self.0
            .reconnects
            .get_or_create(&Platform { platform })
            .inc();
    }

    pub(crate) fn outcome(
        &self,
        platform: &'static str,
        intent: &'static str,
        verdict: &'static str,
    ) {
        self.0
            .questions
            .get_or_create(&Outcome {
                platform,
                intent,
                verdict,
            })
            .inc();
    }

    pub(crate) fn posted(&self, platform: &'static str, after: Duration) {
        self.0
            .event_to_post
            .get_or_create(&Platform { platform })
            .observe(after.as_secs_f64());
    }

    pub(crate) fn post_failed(&self, platform: &'static str) {
        self.0
            .failed_posts
            .get_or_create(&Platform { platform })
            .inc();
    }

    pub(crate) fn left_over(&self, platform: &'static str) {
        self.0.left_over.get_or_create(&Platform { platform }).inc();
    }

    pub(crate) fn depth(&self, platform: &'static str, waiting: usize) {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.0
            .waiting
            .get_or_create(&Platform { platform })
            .set(waiting);
    }

    /// Counts a question as in flight until the value is dropped.
    pub(crate) fn flight(&self, platform: &'static str) -> Flight {
        let gauge = self
            .0
            .in_flight
            .get_or_create(&Platform { platform })
            .clone();
        gauge.inc();
        Flight(gauge)
    }

    /// The platforms whose adapters have started, and whether they are connected.
    pub fn connections(&self) -> Vec<(&'static str, bool)> {
        self.links()
            .iter()
            .map(|(platform, yes)| (*platform, *yes))
            .collect()
    }

    fn links(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, bool>> {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All counters in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.0.registry).is_err() {
            // Only a writer can fail, and a String does not.
            let _ = writeln!(text, "# EOF");
        }
        text
    }
}

/// See [`Meters::flight`].
pub(crate) struct Flight(Gauge);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
