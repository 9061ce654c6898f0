//! The variables of a template while it is evaluated.

use super::script::{Bound, NameValues, Script, ScriptValue, Token, body, tokens};
use std::collections::HashMap;
use std::rc::Rc;

/// How many steps all expressions of an answer may take together.
const MOST_STEPS: usize = 1_000_000;

/// A value of a name.
#[derive(Debug)]
struct Binding {
    value: ScriptValue,
    /// The user may have changed it.
    is_state: bool,
}

/// The names of an answer and their values.
#[derive(Debug, Default)]
pub(super) struct Environment<'s> {
    names: HashMap<&'s str, Vec<Binding>>,
    /// The expressions that were parsed, by their places.
    scripts: HashMap<usize, Option<Rc<Script>>>,
    spent: usize,
    /// An expression read something that the user may have changed.
    pub(super) read_state: bool,
    /// Some expression could not be evaluated.
    pub(super) has_unresolved: bool,
    /// There is state, or a function.
    pub(super) is_interactive: bool,
}

impl NameValues for Environment<'_> {
    fn value(&mut self, name: &str) -> ScriptValue {
        let binding = self.names.get(name).and_then(|bindings| bindings.last());
        self.read_state |= binding.is_some_and(|binding| binding.is_state);
        binding.map_or(ScriptValue::Unknown, |binding| binding.value.clone())
    }
}

impl<'s> Environment<'s> {
    /// The value of the expression `source`, which is at `at`.
    pub(super) fn evaluate(&mut self, at: usize, source: &str) -> ScriptValue {
        let script = self.scripts.entry(at).or_insert_with(|| Script::of(source).map(Rc::new)).clone();
        let value = script.map_or(ScriptValue::Unknown, |script| self.run(&script));
        self.has_unresolved |= value == ScriptValue::Unknown;
        value
    }

    fn run(&mut self, script: &Script) -> ScriptValue {
        let mut left = MOST_STEPS.saturating_sub(self.spent);
        let before = left;
        let value = script.evaluate(self, &mut left);
        self.spent += before - left;
        value
    }

    fn bind(&mut self, name: &'s str, value: ScriptValue, is_state: bool) {
        self.names.entry(name).or_default().push(Binding { value, is_state });
    }

    /// Declares what the statements `source` declare.
    pub(super) fn declare(&mut self, source: &'s str) {
        let body = body(source);
        self.is_interactive |= body.has_function;
        for declaration in body.declarations {
            let (value, is_state) = match declaration.bound {
                Bound::Value(script) => {
                    self.read_state = false;
                    let value = self.run(&script);
                    self.has_unresolved |= value == ScriptValue::Unknown;
                    (value, self.read_state)
                }
                Bound::State(start) => {
                    self.is_interactive = true;
                    (start.map_or(ScriptValue::Unknown, |script| self.run(&script)), true)
                }
                Bound::Unknown => {
                    self.has_unresolved = true;
                    (ScriptValue::Unknown, false)
                }
            };
            let mut first = Some((value, is_state));
            for name in declaration.names {
                let (value, is_state) = first.take().unwrap_or((ScriptValue::Unknown, false));
                self.bind(name, value, is_state);
            }
        }
    }

    /// Binds the names in `pattern`, such as `item`, `[a, b]` or `{a, b: c}`, to the parts of `value`.
    pub(super) fn bind_pattern(
        &mut self,
        pattern: &'s str,
        value: &ScriptValue,
        is_state: bool,
    ) -> Vec<&'s str> {
        let mut bound = Vec::new();
        let mut key = None;
        let is_list = pattern.trim_start().starts_with('[');
        let is_object = pattern.trim_start().starts_with('{');
        let tokens = tokens(pattern);
        for (number, placed) in tokens.iter().enumerate() {
            let Token::Name(name) = placed.token else { continue };
            let is_key =
                is_object && matches!(tokens.get(number + 1).map(|next| &next.token), Some(Token::Mark(":")));
            if is_key {
                key = Some(name);
                continue;
            }
            let part = if is_list {
                match value {
                    ScriptValue::List(list) => list.get(bound.len()).cloned().unwrap_or(ScriptValue::Nothing),
                    _ => ScriptValue::Unknown,
                }
            } else if is_object {
                let key = key.take().unwrap_or(name);
                if *value == ScriptValue::Unknown { ScriptValue::Unknown } else { value.get(key).clone() }
            } else {
                value.clone()
            };
            self.bind(name, part, is_state);
            bound.push(name);
            if !is_list && !is_object {
                break;
            }
        }
        bound
    }

    /// Takes back the last values of `names`.
    pub(super) fn unbind(&mut self, names: &[&'s str]) {
        for name in names {
            self.names.entry(name).or_default().pop();
        }
    }
}
