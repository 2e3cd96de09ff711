//! The question at a channel step (preferences.md sections 2, 4 and 6): which layers apply, what each part of them
//! says, and why. Layers are looked into side by side; nothing is merged or copied.

use serde::Serialize;
use serde_json::{Map, Value};

use super::resolve::is_replacing;
use super::{COMMERCIAL, CONDITIONS, PreferenceSet, SEPARATOR, STRATEGY, resolve};
use crate::condition::{Context, Evaluated};

/// Layers at the most, of which the first is the strongest.
const LAYERS_MAX: usize = 3;

/// Where a preference was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The recipient's default set.
    Recipient,
    /// The recipient's set for the run's tenant.
    RecipientTenant,
    /// The tenant's default set.
    Tenant,
    /// The environment's default set.
    Environment,
}

/// Every set that may have a say in a run.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sources<'s> {
    /// The recipient's set `default`.
    pub recipient: Option<&'s PreferenceSet>,
    /// The recipient's set of the run's tenant; `None` when the run has no tenant.
    pub recipient_tenant: Option<&'s PreferenceSet>,
    /// The default set of the run's tenant.
    pub tenant: Option<&'s PreferenceSet>,
    /// The default set of the environment.
    pub environment: Option<&'s PreferenceSet>,
}

/// What is asked: one workflow, one channel.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Key of the workflow.
    pub workflow: &'a str,
    /// Its categories.
    pub categories: &'a [String],
    /// `settings.is_commercial`.
    pub is_commercial: bool,
    /// `settings.override_preferences`.
    pub overrides: bool,
    /// UUID of the channel.
    pub channel: &'a str,
    /// Wire name of its type.
    pub channel_type: &'a str,
}

/// What preferences say about a step.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// True when something speaks against sending.
    pub is_blocked: bool,
    /// Everything that was said, in the order in which it was asked.
    pub opinions: Vec<Opinion>,
}

/// One part of the sets that said something.
#[derive(Debug, PartialEq, Serialize)]
pub struct Opinion {
    /// Who set it.
    pub layer: Layer,
    /// Its place: `categories.product.channel_types.email`.
    pub key: String,
    /// False speaks against sending.
    pub outcome: bool,
    /// How its conditions fared, when it has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Evaluated>,
}

impl<'s> Sources<'s> {
    /// True when nobody set anything.
    pub fn is_empty(&self) -> bool {
        self.recipient.is_none()
            && self.recipient_tenant.is_none()
            && self.tenant.is_none()
            && self.environment.is_none()
    }

    /// The layers that apply (section 2): as soon as a tenant has a say, the recipient's default set has none.
    fn layers(&self) -> [Option<(Layer, &'s PreferenceSet)>; LAYERS_MAX] {
        let present = |set: Option<&'s PreferenceSet>| set.filter(|set| set.exists());
        let named = |layer, set: Option<&'s PreferenceSet>| set.map(|set| (layer, set));
        let (own, tenant) = (present(self.recipient_tenant), present(self.tenant));
        let first = match own.or(tenant) {
            Some(_) => named(Layer::RecipientTenant, own),
            None => named(Layer::Recipient, self.recipient),
        };
        [first, named(Layer::Tenant, tenant), named(Layer::Environment, self.environment)]
    }

    /// The sections of all layers as one set, for logs and templates (PF4.8).
    pub fn resolved(&self) -> Value {
        let [first, second, third] =
            self.layers().map(|layer| layer.map(|(_, set)| Value::Object(set.json().clone())));
        let low = resolve(second.as_ref(), third.as_ref());
        match resolve(first.as_ref(), Some(&low)) {
            Value::Null => Value::Object(Map::new()),
            set => set,
        }
    }

    /// Whether the step may send (PF4.1), and everything that was said about it.
    pub fn decide(&self, asked: &Asked<'_>, context: &Context<'_>) -> Decision {
        let mut asking = Asking { context, asked, layers: self.layers(), decision: Decision::default() };
        if self.is_empty() {
            return asking.decision;
        }
        if asked.is_commercial {
            asking.commercial(self);
        }
        if asking.decision.is_blocked || asked.overrides {
            return asking.decision;
        }
        let root = Node::Object(asking.layers.map(|layer| layer.map(|(_, set)| set.json())));
        asking.channel_of(root, "");
        asking.source(root.child("workflows").child(asked.workflow), ["workflows", asked.workflow]);
        let categories = root.child("categories");
        for category in asked.categories {
            asking.source(categories.child(category), ["categories", category]);
        }
        asking.decision
    }
}

/// A place seen through all layers at once.
#[derive(Debug, Clone, Copy)]
enum Node<'s> {
    Absent,
    /// A value, and the layer that it comes from.
    Value(&'s Value, usize),
    /// The objects that unite here, by layer.
    Object([Option<&'s Map<String, Value>>; LAYERS_MAX]),
}

impl<'s> Node<'s> {
    /// What [`resolve`] would find under the key, without building it.
    fn child(self, key: &str) -> Self {
        let Self::Object(objects) = self else { return Self::Absent };
        // A marker is not an entry, whatever a workflow is called (PF3.5).
        if key == STRATEGY {
            return Self::Absent;
        }
        let mut node = Self::Absent;
        for (layer, object) in objects.iter().enumerate().rev() {
            match object.and_then(|object| object.get(key)) {
                None | Some(Value::Null) => {}
                Some(Value::Object(map)) => {
                    let mut united =
                        if let Self::Object(united) = node { united } else { [None; LAYERS_MAX] };
                    united[layer] = Some(map);
                    node = Self::Object(united);
                    if is_replacing(map) {
                        break;
                    }
                }
                Some(value) => node = Self::Value(value, layer),
            }
        }
        node
    }

    fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A question being answered.
struct Asking<'q, 's> {
    context: &'q Context<'q>,
    asked: &'q Asked<'q>,
    layers: [Option<(Layer, &'s PreferenceSet)>; LAYERS_MAX],
    decision: Decision,
}

impl Asking<'_, '_> {
    /// PF6.1: an opt-out of the default set counts everywhere; otherwise the first that says anything decides.
    fn commercial(&mut self, sources: &Sources<'_>) {
        let value = |set: Option<&PreferenceSet>| {
            set.and_then(|set| set.json().get(COMMERCIAL).filter(|value| !value.is_null()).cloned())
        };
        let order = [
            (Layer::RecipientTenant, sources.recipient_tenant),
            (Layer::Recipient, sources.recipient),
            (Layer::Tenant, sources.tenant),
            (Layer::Environment, sources.environment),
        ];
        let opted_out = value(sources.recipient) == Some(Value::Bool(false));
        let found = match opted_out {
            true => Some((Layer::Recipient, sources.recipient, Value::Bool(false))),
            false => order.into_iter().find_map(|(layer, set)| Some((layer, set, value(set)?))),
        };
        match found {
            Some((layer, _, Value::Bool(outcome))) => self.say(layer, COMMERCIAL, outcome, Vec::new()),
            Some((layer, Some(set), Value::Object(leaf))) => {
                if let Some(list) = leaf.get(CONDITIONS) {
                    self.judge(layer, set, COMMERCIAL, list);
                }
            }
            _ => {}
        }
    }

    /// The opinion of a workflow or category (PF4.2).
    fn source(&mut self, node: Node<'_>, place: [&str; 2]) {
        match node {
            Node::Absent => {}
            Node::Value(value, layer) => self.flag(value, layer, &place.join("\0")),
            Node::Object(_) => {
                let place = place.join("\0");
                if self.conditions_hold(node, &place) {
                    self.channel_of(node, &place);
                }
            }
        }
    }

    /// The opinion about the channel, or else about its type (PF4.3).
    fn channel_of(&mut self, node: Node<'_>, place: &str) {
        for (section, key) in [("channels", self.asked.channel), ("channel_types", self.asked.channel_type)] {
            let leaf = node.child(section).child(key);
            if leaf.is_absent() {
                continue;
            }
            let mut place = place.to_owned();
            if !place.is_empty() {
                place.push(SEPARATOR);
            }
            place.extend([section, "\0", key]);
            match leaf {
                Node::Value(value, layer) => self.flag(value, layer, &place),
                leaf => drop(self.conditions_hold(leaf, &place)),
            }
            return;
        }
    }

    fn flag(&mut self, value: &Value, layer: usize, place: &str) {
        if let (Value::Bool(outcome), Some((layer, _))) = (value, self.layers[layer]) {
            self.say(layer, place, *outcome, Vec::new());
        }
    }

    /// Judges the conditions of an object, if it has any.
    fn conditions_hold(&mut self, node: Node<'_>, place: &str) -> bool {
        let Node::Value(list, layer) = node.child(CONDITIONS) else { return true };
        let Some((layer, set)) = self.layers[layer] else { return true };
        self.judge(layer, set, place, list)
    }

    fn judge(&mut self, layer: Layer, set: &PreferenceSet, place: &str, list: &Value) -> bool {
        if list.as_array().is_none_or(Vec::is_empty) {
            // An empty list holds and, where nothing else is said, permits.
            self.say(layer, place, true, Vec::new());
            return true;
        }
        let verdict =
            set.with_conditions(place, list, |group| group.map(|group| group.evaluate(self.context)));
        // What cannot be asked does not hold (PF9.6).
        let (holds, log) = verdict.map_or((false, Vec::new()), |verdict| (verdict.holds, verdict.log));
        self.say(layer, place, holds, log);
        holds
    }

    fn say(&mut self, layer: Layer, place: &str, outcome: bool, conditions: Vec<Evaluated>) {
        let key = place.replace(SEPARATOR, ".");
        self.decision.is_blocked |= !outcome;
        self.decision.opinions.push(Opinion { layer, key, outcome, conditions });
    }
}
