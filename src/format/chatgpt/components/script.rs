//! Expressions of components: a small part of JavaScript, evaluated without an engine.
//!
//! Literals, names, members, operators, template strings, `includes` and `Array.from({length: N}, (_, i) => i)`.
//! Whatever else is written has the value [`ScriptValue::Unknown`], and so has whatever depends on it.

mod parse;
mod token;

pub(super) use parse::{Bound, body};
pub(super) use token::{Token, tokens};

use std::rc::Rc;

/// The most elements of a list that `Array.from` makes.
const LONGEST_RANGE: f64 = 200.0;

/// The longest script that is read, in bytes. What is read of it takes several times as much memory.
const LONGEST_SCRIPT: usize = 256 << 10;

/// The longest text that an operator makes, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// A value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ScriptValue {
    /// `null` or `undefined`.
    Nothing,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    List(Rc<[ScriptValue]>),
    /// Keys with their values, in the order in which they were written.
    Object(Rc<[(Rc<str>, ScriptValue)]>),
    /// Not evaluated.
    Unknown,
}

impl ScriptValue {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// The value as text; `None` for lists, objects and missing values.
    pub(super) fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.as_ref().to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Nothing | Self::List(_) | Self::Object(_) | Self::Unknown => None,
        }
    }

    /// The text that the value is, if it is text or a number and not blank.
    pub(super) fn filled(&self) -> Option<String> {
        match self {
            Self::Text(_) | Self::Number(_) => self.to_text().filter(|text| !text.trim().is_empty()),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[ScriptValue] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The entries of an object.
    pub(super) fn entries(&self) -> &[(Rc<str>, ScriptValue)] {
        match self {
            Self::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The value of the own property `key`, or nothing.
    pub(super) fn get(&self, key: &str) -> &ScriptValue {
        // Of two entries with one key the last counts.
        let found = self.entries().iter().rev().find(|(name, _)| name.as_ref() == key);
        found.map_or(&Self::Nothing, |(_, value)| value)
    }

    /// The first filled text among the properties `keys`.
    pub(super) fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.get(key).filled())
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nothing | Self::Unknown => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::List(_) | Self::Object(_) => true,
        }
    }

    /// All texts in the value, in order.
    pub(super) fn strings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![self];
        while let Some(value) = waiting.pop() {
            found.extend(value.filled());
            waiting.extend(value.list().iter().rev());
            waiting.extend(value.entries().iter().rev().map(|(_, value)| value));
        }
        found
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            #[allow(clippy::float_cmp, reason = "as scripts compare")]
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    Or,
    And,
    Nullish,
    Equal,
    Unequal,
    Less,
    More,
    AtMost,
    AtLeast,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    fn of(mark: &str) -> Option<Self> {
        Some(match mark {
            "||" => Self::Or,
            "&&" => Self::And,
            "??" => Self::Nullish,
            "==" | "===" => Self::Equal,
            "!=" | "!==" => Self::Unequal,
            "<" => Self::Less,
            ">" => Self::More,
            "<=" => Self::AtMost,
            ">=" => Self::AtLeast,
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Remainder,
            _ => return None,
        })
    }

    fn strength(self) -> u8 {
        match self {
            Self::Nullish | Self::Or => 3,
            Self::And => 4,
            Self::Equal | Self::Unequal => 8,
            Self::Less | Self::More | Self::AtMost | Self::AtLeast => 9,
            Self::Add | Self::Subtract => 11,
            Self::Multiply | Self::Divide | Self::Remainder => 12,
        }
    }

    fn apply(self, a: ScriptValue, b: ScriptValue) -> ScriptValue {
        match self {
            Self::And if a == ScriptValue::Unknown || !a.is_true() => return a,
            Self::Or if a == ScriptValue::Unknown || a.is_true() => return a,
            Self::Nullish if a != ScriptValue::Nothing => return a,
            Self::And | Self::Or | Self::Nullish => return b,
            _ => {}
        }
        if a == ScriptValue::Unknown || b == ScriptValue::Unknown {
            return ScriptValue::Unknown;
        }
        match self {
            Self::Equal => return ScriptValue::Bool(a.is_same(&b)),
            Self::Unequal => return ScriptValue::Bool(!a.is_same(&b)),
            Self::Add if matches!(a, ScriptValue::Text(_)) || matches!(b, ScriptValue::Text(_)) => {
                return concatenated(&[a, b]);
            }
            _ => {}
        }
        if let (ScriptValue::Text(a), ScriptValue::Text(b)) = (&a, &b) {
            match self {
                Self::Less => return ScriptValue::Bool(a < b),
                Self::More => return ScriptValue::Bool(a > b),
                Self::AtMost => return ScriptValue::Bool(a <= b),
                Self::AtLeast => return ScriptValue::Bool(a >= b),
                _ => {}
            }
        }
        let (Some(a), Some(b)) = (a.number(), b.number()) else { return ScriptValue::Unknown };
        match self {
            Self::Less => ScriptValue::Bool(a < b),
            Self::More => ScriptValue::Bool(a > b),
            Self::AtMost => ScriptValue::Bool(a <= b),
            Self::AtLeast => ScriptValue::Bool(a >= b),
            Self::Add => ScriptValue::Number(a + b),
            Self::Subtract => ScriptValue::Number(a - b),
            Self::Multiply => ScriptValue::Number(a * b),
            Self::Divide => ScriptValue::Number(a / b),
            _ => ScriptValue::Number(a % b),
        }
    }
}

/// `values` as one text.
fn concatenated(values: &[ScriptValue]) -> ScriptValue {
    let mut text = String::new();
    for value in values {
        match value {
            ScriptValue::Nothing => text.push_str("null"),
            value => match value.to_text() {
                Some(more) => text.push_str(&more),
                None => return ScriptValue::Unknown,
            },
        }
        if text.len() > LONGEST_TEXT {
            return ScriptValue::Unknown;
        }
    }
    ScriptValue::text(text)
}

/// A step of the machine. Each takes what it needs from the stack, and leaves one value.
#[derive(Clone, Debug, PartialEq)]
enum Op {
    Push(ScriptValue),
    Name(Box<str>),
    Member(Box<str>),
    /// The member of a value that may be nothing.
    MemberIfAny(Box<str>),
    Index,
    Includes,
    Call(usize),
    Not,
    Minus,
    Plus,
    Binary(Binary),
    Conditional,
    List(usize),
    Object(usize),
    Concatenate(usize),
    Range,
}

/// An expression, ready to be evaluated.
#[derive(Debug, Default)]
pub(super) struct Script {
    ops: Vec<Op>,
}

/// What names mean.
pub(super) trait NameValues {
    /// The value of `name`.
    fn value(&mut self, name: &str) -> ScriptValue;
}

impl NameValues for () {
    fn value(&mut self, _: &str) -> ScriptValue {
        ScriptValue::Unknown
    }
}

/// The value of `source` without any names.
pub(super) fn literal(source: &str) -> ScriptValue {
    let steps = source.len().saturating_mul(2).saturating_add(1000);
    Script::of(source).map_or(ScriptValue::Unknown, |script| script.evaluate(&mut (), &mut { steps }))
}

/// `number` as a whole number that is at least `least` and at most `most`.
#[allow(clippy::cast_sign_loss, reason = "neither bound is negative")]
pub(super) fn whole(number: f64, least: u32, most: u32) -> usize {
    number.clamp(least.into(), most.into()) as usize
}

/// As much of `source` as is read.
pub(super) fn start_of(source: &str) -> &str {
    source.get(..source.floor_char_boundary(LONGEST_SCRIPT)).unwrap_or_default()
}

/// All strings that are written in `source`.
pub(super) fn strings(source: &str) -> Vec<String> {
    let tokens = tokens(start_of(source)).into_iter();
    let texts = tokens.filter_map(|placed| match placed.token {
        Token::Literal(value @ ScriptValue::Text(_)) => value.filled(),
        Token::TemplateText { cooked, .. } => Some(cooked).filter(|text| !text.trim().is_empty()),
        _ => None,
    });
    texts.collect()
}

impl Script {
    /// The expression `source`; `None` if it is more than can be evaluated.
    pub(super) fn of(source: &str) -> Option<Self> {
        if source.len() > LONGEST_SCRIPT {
            return None;
        }
        parse::expression(source)
    }

    /// The value. `steps` is what may still be spent, and is taken from; once it is spent nothing is known.
    pub(super) fn evaluate(&self, names: &mut impl NameValues, steps: &mut usize) -> ScriptValue {
        self.run(names, steps).unwrap_or(ScriptValue::Unknown)
    }

    fn run(&self, names: &mut impl NameValues, steps: &mut usize) -> Option<ScriptValue> {
        let mut stack: Vec<ScriptValue> = Vec::new();
        for op in &self.ops {
            *steps = steps.checked_sub(1)?;
            let value = Self::step(op, &mut stack, names, steps)?;
            stack.push(value);
        }
        stack.pop()
    }

    fn step(
        op: &Op,
        stack: &mut Vec<ScriptValue>,
        names: &mut impl NameValues,
        steps: &mut usize,
    ) -> Option<ScriptValue> {
        Some(match op {
            Op::Push(value) => value.clone(),
            Op::Name(name) => names.value(name),
            Op::Member(name) => member(&stack.pop()?, name, steps),
            Op::MemberIfAny(name) => match stack.pop()? {
                ScriptValue::Nothing => ScriptValue::Nothing,
                value => member(&value, name, steps),
            },
            Op::Index => {
                let (index, value) = (stack.pop()?, stack.pop()?);
                match (&value, &index) {
                    (ScriptValue::List(list), ScriptValue::Number(index)) if *index >= 0.0 => {
                        list.get(whole(*index, 0, u32::MAX)).cloned().unwrap_or(ScriptValue::Nothing)
                    }
                    (ScriptValue::Object(_), index) => member(&value, &index.to_text()?, steps),
                    (_, ScriptValue::Text(name)) => member(&value, name, steps),
                    _ => ScriptValue::Unknown,
                }
            }
            Op::Includes => {
                let (wanted, value) = (stack.pop()?, stack.pop()?);
                match (&value, &wanted) {
                    (_, ScriptValue::Unknown) => ScriptValue::Unknown,
                    (ScriptValue::List(list), wanted) => {
                        *steps = steps.saturating_sub(list.len());
                        ScriptValue::Bool(list.iter().any(|value| value.is_same(wanted)))
                    }
                    (ScriptValue::Text(text), ScriptValue::Text(wanted)) => {
                        *steps = steps.saturating_sub(text.len() / 16);
                        ScriptValue::Bool(text.contains(wanted.as_ref()))
                    }
                    _ => ScriptValue::Unknown,
                }
            }
            Op::Call(count) => {
                stack.truncate(stack.len().checked_sub(count + 1)?);
                ScriptValue::Unknown
            }
            Op::Not => match stack.pop()? {
                ScriptValue::Unknown => ScriptValue::Unknown,
                value => ScriptValue::Bool(!value.is_true()),
            },
            Op::Minus => {
                stack.pop()?.number().map_or(ScriptValue::Unknown, |number| ScriptValue::Number(-number))
            }
            Op::Plus => stack.pop()?.number().map_or(ScriptValue::Unknown, ScriptValue::Number),
            Op::Binary(operator) => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                operator.apply(a, b)
            }
            Op::Conditional => {
                let (otherwise, then, condition) = (stack.pop()?, stack.pop()?, stack.pop()?);
                match condition {
                    ScriptValue::Unknown => ScriptValue::Unknown,
                    condition if condition.is_true() => then,
                    _ => otherwise,
                }
            }
            Op::List(count) => ScriptValue::List(stack.drain(stack.len().checked_sub(*count)?..).collect()),
            Op::Object(count) => {
                let values = stack.split_off(stack.len().checked_sub(count.checked_mul(2)?)?);
                let mut values = values.into_iter();
                let mut entries = Vec::with_capacity(*count);
                while let (Some(ScriptValue::Text(key)), Some(value)) = (values.next(), values.next()) {
                    entries.push((key, value));
                }
                ScriptValue::Object(entries.into())
            }
            Op::Concatenate(count) => concatenated(&stack.split_off(stack.len().checked_sub(*count)?)),
            Op::Range => match stack.pop()? {
                ScriptValue::Number(length) if (0.0..=LONGEST_RANGE).contains(&length) => {
                    *steps = steps.saturating_sub(whole(length, 0, 200));
                    ScriptValue::List(
                        (0..whole(length, 0, 200) as u32).map(|at| ScriptValue::Number(at.into())).collect(),
                    )
                }
                _ => ScriptValue::Unknown,
            },
        })
    }
}

/// The own property `name` of `value`.
fn member(value: &ScriptValue, name: &str, steps: &mut usize) -> ScriptValue {
    match value {
        ScriptValue::List(list) if name == "length" => ScriptValue::Number(list.len() as f64),
        ScriptValue::Text(text) if name == "length" => {
            *steps = steps.saturating_sub(text.len() / 16);
            ScriptValue::Number(text.encode_utf16().count() as f64)
        }
        ScriptValue::Object(entries) => {
            *steps = steps.saturating_sub(entries.len() / 16);
            value.get(name).clone()
        }
        _ => ScriptValue::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl NameValues for Known {
        fn value(&mut self, name: &str) -> ScriptValue {
            match name {
                "item" => literal("{n: 2, list: ['a', 'b'], 'a b': null}"),
                "i" => ScriptValue::Number(1.0),
                _ => ScriptValue::Unknown,
            }
        }
    }

    fn shown(source: &str) -> String {
        let value =
            Script::of(source).map_or(ScriptValue::Unknown, |script| script.evaluate(&mut Known, &mut 1000));
        match value {
            ScriptValue::Nothing => "nothing".to_owned(),
            ScriptValue::Unknown => "?".to_owned(),
            ScriptValue::List(list) => format!("{} elements", list.len()),
            ScriptValue::Object(entries) => format!("{} entries", entries.len()),
            value => value.to_text().expect("text"),
        }
    }

    #[test]
    fn expressions_have_the_values_that_scripts_give_them() {
        for (source, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("-i + 3", "2"),
            ("7 % 4 - 1", "2"),
            ("'a' + 1", "a1"),
            ("i + 1", "2"),
            ("4.50", "4.5"),
            ("item.n * 2", "4"),
            ("item.list[1]", "b"),
            ("item['a b']", "nothing"),
            ("item.none", "nothing"),
            ("item.none?.more", "nothing"),
            ("item.list.length", "2"),
            ("item.list.includes('b')", "true"),
            ("'abc'.includes('d')", "false"),
            ("i === 1 ? 'one' : 'more'", "one"),
            ("i > 1 ? 'x' : i > 0 ? 'y' : 'z'", "y"),
            ("i > 0 ? i > 5 ? 'a' : 'b' : 'c'", "b"),
            ("!i || i >= 1 && 'yes'", "yes"),
            ("item.none ?? 'default'", "default"),
            ("`${i}: ${item.list[0]}!`", "1: a!"),
            ("`a${`b${i}`}`", "ab1"),
            ("``", ""),
            ("String.raw`\\frac{a}{b}`", "\\frac{a}{b}"),
            ("'\\u00e9\\n\\'\\x41'", "é\n'A"),
            ("[1, 'a', {b: [2,],},]", "3 elements"),
            ("{a: 1, 'b': 2, c: {d: 3}, i}", "4 entries"),
            ("[]", "0 elements"),
            ("{}", "0 entries"),
            ("Array.from({length: 3}, (_, i) => i)", "3 elements"),
            ("Array.from({length:item.list.length},(_,k)=>k)", "2 elements"),
            ("[{f: () => { return 1 }, g: x => x}]", "1 elements"),
            ("1 /* two */ + 2 // three", "3"),
            (".5 + 1", "1.5"),
            ("0 && 'x'", "0"),
            ("0 / 0 ? 'x' : 'y'", "y"),
            ("'a' || 'b'", "a"),
            ("0 ?? 'b'", "0"),
            ("'a' < 'b' && 'b' > 'a' && 'a' <= 'a'", "true"),
            ("'b' >= 'c'", "false"),
            ("'abc'.length + '😀'.length", "5"),
            ("item.includes", "nothing"),
            ("i ? !i ? 'a' : 'b' + 1 : 'c'", "b1"),
            ("{i, b: 1}", "2 entries"),
            ("[async x => x, async (x) => x, async function f() {}, 1]", "4 elements"),
            ("[((a, [b]), c) => a, (a, {b}) => b, function f() {}]", "3 elements"),
            ("'\\uZ'", "uZ"),
        ] {
            assert_eq!(shown(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_more_than_that_is_not_known() {
        for source in [
            "unknown",
            "unknown.a.b",
            "f(1)",
            "item.list.map(x => x)",
            "unknown ? 1 : 2",
            "unknown && 1",
            "1 + unknown",
            "`${unknown}`",
            "a = 1",
            "i++",
            "new Date()",
            "[...item.list]",
            "1, 2",
            "(1",
            "1)",
            "[1",
            "{a: }",
            "? :",
            "Array.from({length: 201}, (_, i) => i)",
            "",
            "<b>x</b>",
            "unknown || 1",
            "'a' - 'b'",
            "[] < 1",
            "[1][-1]",
            "'abc'.more",
            "Array",
            "Array(3)",
            "Array.of(3)",
            "String(1)",
            "String.name",
            "String.raw(1)",
            "String.raw`${1}`",
            "`${String.raw}x`",
            "Array.from({length: item.list.[0]}, (_, i) => i)",
            "Array.from({length: 1}, (1, 2) => 2)",
            "Array.from({length: 1}, (_ + i) => i)",
            "Array.from({length: 1}, (_, i, all) => i)",
            "Array.from({length: 1}, (_, i) => 1)",
            "`a",
            "`a\\",
            "(1}",
            "1 : 2",
            "item.",
            "async",
            "{i b}",
        ] {
            assert_eq!(shown(source), "?", "{source}");
        }
        assert_eq!(shown("i ? 'known' : unknown"), "known");
    }

    #[test]
    fn what_takes_too_many_steps_or_bytes_is_not_known() {
        assert_eq!(shown(&("1+".repeat(600) + "1")), "?");
        let half = "a".repeat(LONGEST_TEXT / 2 + 1);
        assert_eq!(shown(&format!("'{half}' + ''")), half);
        assert_eq!(shown(&format!("'{half}' + '{half}'")), "?");
    }

    #[test]
    fn deep_and_long_expressions_take_time_in_proportion() {
        let many = 100_000;
        for source in [
            "(".repeat(many),
            "[".repeat(many),
            "{a:".repeat(many),
            "`${".repeat(many),
            "!".repeat(many),
            "1?".repeat(many),
            "1+".repeat(many) + "1",
            "'".repeat(many + 1),
            format!("[{}]", "1,".repeat(many)),
            "(a)=>".repeat(many),
        ] {
            literal(&source);
        }
        assert_eq!(literal(&("1+".repeat(many) + "1")), ScriptValue::Number(100_001.0));
    }
}
