//! Carries plans out with random delays, and checks that they make sense.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use scene::{
    content::ContentCost,
    streamer::{ContentId, FetchFailure, FetchId, Input, Plan, Streamer, StreamerSettings, View},
};

use super::world::{FakeFormat, Fault, Rng, World, cost_of};

/// How slow and unreliable the world is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Frames a fetch takes at most.
    pub(super) fetch_frames: u64,
    pub(super) decode_frames: u64,
    /// Uploads per frame at most.
    pub(super) uploads: u64,
    /// Share of fetches that tell their length first.
    pub(super) tell_length: f64,
}

impl Default for Manners {
    fn default() -> Self {
        Self { fetch_frames: 6, decode_frames: 3, uploads: 3, tell_length: 0.5 }
    }
}

pub(super) struct Caller {
    pub(super) streamer: Streamer,
    pub(super) world: World,
    pub(super) now: Duration,
    pub(super) frame: u64,
    manners: Manners,
    rng: Rng,
    fetching: BTreeMap<FetchId, (String, u64, bool)>,
    decoding: BTreeMap<ContentId, (ContentCost, u64, bool)>,
    decoded: BTreeMap<ContentId, ContentCost>,
    pub(super) resident: BTreeMap<ContentId, ContentCost>,
    answered: BTreeSet<FetchId>,
    attempts: BTreeMap<String, u32>,
    pub(super) fetches_of: BTreeMap<String, u32>,
    pub(super) plan_hash: u64,
    forgiving: bool,
}

pub(super) const FRAME: Duration = Duration::from_millis(16);

impl Caller {
    pub(super) fn new(world: World, settings: StreamerSettings, manners: Manners, seed: u64) -> Self {
        Self {
            streamer: Streamer::with_reader(settings, Box::new(FakeFormat)),
            world,
            now: Duration::ZERO,
            frame: 0,
            manners,
            rng: Rng(seed),
            fetching: BTreeMap::new(),
            decoding: BTreeMap::new(),
            decoded: BTreeMap::new(),
            resident: BTreeMap::new(),
            answered: BTreeSet::new(),
            attempts: BTreeMap::new(),
            fetches_of: BTreeMap::new(),
            plan_hash: 0,
            forgiving: false,
        }
    }

    pub(super) fn set_manners(&mut self, manners: Manners) {
        self.manners = manners;
    }

    /// Whether more than the ceiling may be used: after it was lowered.
    pub(super) fn forgive_ceiling(&mut self, forgiving: bool) {
        self.forgiving = forgiving;
    }

    /// One frame: hands finished work in, updates, checks the plan, carries it out.
    pub(super) fn step(&mut self, views: &[View]) -> Plan {
        self.frame += 1;
        self.now += FRAME;
        self.deliver();
        let plan = self.streamer.update(views, self.now).clone();
        self.check_ceiling();
        self.carry_out(&plan);
        self.plan_hash = hash(self.plan_hash, &plan);
        plan
    }

    /// Frames until settled; panics if that takes more than `limit`.
    pub(super) fn settle(&mut self, views: &[View], limit: usize) -> Plan {
        for _ in 0..limit {
            let plan = self.step(views);
            if plan.stats.settled {
                return plan;
            }
        }
        let stats = self.streamer.plan().stats;
        panic!("not settled after {limit} frames: {stats:?}");
    }

    fn check_ceiling(&self) {
        let ceiling = self.streamer.settings().memory_ceiling_bytes;
        let used = self.streamer.used_bytes();
        assert!(
            used <= ceiling || self.forgiving,
            "frame {}: {used} bytes used, the ceiling is {ceiling}",
            self.frame
        );
    }

    fn accept(&mut self, input: Input) {
        self.streamer.accept(input);
        self.check_ceiling();
    }

    fn deliver(&mut self) {
        let due: Vec<FetchId> =
            self.fetching.iter().filter(|(_, (_, at, _))| *at <= self.frame).map(|(id, _)| *id).collect();
        for id in due {
            let Some((uri, _, tell)) = self.fetching.remove(&id) else { continue };
            assert!(self.answered.insert(id), "{id:?} is answered twice");
            let fault = self.world.faults.get(&uri).copied();
            let attempt = self.attempts.entry(uri.clone()).or_insert(0);
            *attempt += 1;
            let failure =
                |transient| FetchFailure { transient, retry_after: None, message: format!("{uri} failed") };
            let result = match (fault, self.world.files.get(&uri)) {
                (Some(Fault::Gone), _) | (_, None) => Err(failure(false)),
                (Some(Fault::Flaky(n)), _) if *attempt <= n => Err(failure(true)),
                (_, Some(bytes)) => Ok(bytes.clone()),
            };
            if tell && let Ok(bytes) = &result {
                self.accept(Input::FetchLength(id, bytes.len() as u64));
            }
            self.accept(Input::Fetched(id, result));
        }
        let due: Vec<ContentId> =
            self.decoding.iter().filter(|(_, (_, at, _))| *at <= self.frame).map(|(id, _)| *id).collect();
        for id in due {
            let Some((cost, _, corrupt)) = self.decoding.remove(&id) else { continue };
            if corrupt {
                self.accept(Input::Decoded(id, Err("corrupt".into())));
            } else {
                self.decoded.insert(id, cost);
                self.accept(Input::Decoded(id, Ok(cost)));
            }
        }
    }

    fn carry_out(&mut self, plan: &Plan) {
        for id in &plan.cancel_fetch {
            assert!(
                self.fetching.remove(id).is_some() || self.answered.contains(id),
                "{id:?} is cancelled but was never ordered, or twice"
            );
            assert!(self.answered.insert(*id) || !self.fetching.contains_key(id));
        }
        for id in &plan.cancel_decode {
            assert!(self.decoding.remove(id).is_some(), "{id:?} is not being decoded");
        }
        for id in &plan.drop {
            let had = self.decoded.remove(id).is_some() || self.resident.remove(id).is_some();
            assert!(had, "{id:?} is dropped but not here");
        }
        for order in &plan.fetch {
            let at = self.frame + 1 + self.rng.below(self.manners.fetch_frames);
            let tell = self.rng.chance(self.manners.tell_length);
            *self.fetches_of.entry(order.uri.to_string()).or_insert(0) += 1;
            assert!(self.fetching.insert(order.id, (order.uri.to_string(), at, tell)).is_none());
        }
        for order in &plan.decode {
            let cost = cost_of(&order.bytes).expect("only what was measured is decoded");
            assert!(cost.cpu_bytes + cost.gpu_bytes + cost.transient_bytes <= order.budget_bytes);
            let at = self.frame + 1 + self.rng.below(self.manners.decode_frames);
            let corrupt = self.world.faults.get(&*order.uri) == Some(&Fault::Corrupt);
            assert!(self.decoding.insert(order.id, (cost, at, corrupt)).is_none());
        }
        assert_eq!(plan.upload.len(), self.decoded.len(), "everything decoded waits for upload");
        let mut left = 1 + self.rng.below(self.manners.uploads);
        for id in &plan.upload {
            let cost = *self.decoded.get(id).expect("only decoded contents are uploaded");
            if left > 0 {
                left -= 1;
                self.decoded.remove(id);
                self.resident.insert(*id, cost);
                self.accept(Input::Uploaded(*id));
            }
        }
        let settings = self.streamer.settings();
        assert!(self.fetching.len() <= settings.max_fetches);
        assert!(self.decoding.len() <= settings.max_decodes);
        let mut seen = BTreeMap::new();
        for draw in &plan.draw {
            assert!(
                self.resident.contains_key(&draw.content),
                "{:?} is drawn but not uploaded",
                draw.content
            );
            let views = seen.entry(draw.content).or_insert(0u32);
            assert_eq!(*views & draw.views, 0, "{:?} is drawn twice in a view", draw.content);
            *views |= draw.views;
        }
        self.check_held();
    }

    /// What this side really holds must be within what the streamer counts.
    fn check_held(&self) {
        let held: u64 = self.resident.values().map(|c| c.cpu_bytes + c.gpu_bytes).sum::<u64>()
            + self.decoded.values().map(|c| c.cpu_bytes + c.gpu_bytes + c.transient_bytes).sum::<u64>()
            + self
                .decoding
                .values()
                .map(|(c, ..)| c.cpu_bytes + c.gpu_bytes + c.transient_bytes)
                .sum::<u64>();
        assert!(
            held <= self.streamer.used_bytes(),
            "{held} bytes held, {} counted",
            self.streamer.used_bytes()
        );
    }
}

/// A fingerprint of everything a plan says.
fn hash(before: u64, plan: &Plan) -> u64 {
    let mut text =
        format!("{:?}{:?}{:?}{:?}", plan.fetch, plan.cancel_fetch, plan.cancel_decode, plan.upload);
    for order in &plan.decode {
        text += &format!("{:?}{:?}{}", order.id, order.tile, order.budget_bytes);
    }
    text += &format!("{:?}{:?}{:?}", plan.draw, plan.drop, plan.stats);
    text.bytes().fold(before, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}
