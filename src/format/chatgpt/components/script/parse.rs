//! Expressions become steps for a stack machine. An operator stack takes the place of recursion.

use super::token::{Placed, Token, tokens};
use super::{Binary, Op, Script, ScriptValue};
use std::ops::Range;

/// The expression that `source` is; `None` if it is more than the evaluator knows.
pub(super) fn expression(source: &str) -> Option<Script> {
    let tokens = tokens(source);
    of_tokens(&tokens)
}

/// The expression that `tokens` are.
pub(super) fn of_tokens(tokens: &[Placed<'_>]) -> Option<Script> {
    let mut parser =
        ExpressionParser { tokens, at: 0, ops: Vec::new(), pending: Vec::new(), wants: Wants::Operand };
    parser.run()?;
    Some(Script { ops: parser.ops })
}

/// What waits for its end, or for its right side.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pending {
    Binary(Binary),
    Not,
    Minus,
    Plus,
    /// A `?` whose `:` is to come.
    Then,
    /// A `:` after a `?`.
    Else,
    Parenthesis,
    List(usize),
    Object(usize),
    Index,
    Includes,
    /// A call of something that is never called.
    Call(usize),
    Template(usize),
    /// An expression in a template string.
    Hole,
}

impl Pending {
    /// How strongly it binds; brackets don't.
    fn strength(self) -> u8 {
        match self {
            Self::Binary(operator) => operator.strength(),
            Self::Not | Self::Minus | Self::Plus => 14,
            Self::Then | Self::Else => 1,
            _ => 0,
        }
    }
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wants {
    Operand,
    Operator,
    Key,
}

struct ExpressionParser<'t, 's> {
    tokens: &'t [Placed<'s>],
    at: usize,
    ops: Vec<Op>,
    pending: Vec<Pending>,
    wants: Wants,
}

impl<'s> ExpressionParser<'_, 's> {
    fn token(&self, ahead: usize) -> Option<&Token<'s>> {
        self.tokens.get(self.at + ahead).map(|placed| &placed.token)
    }

    fn is_mark(&self, ahead: usize, mark: &str) -> bool {
        matches!(self.token(ahead), Some(Token::Mark(found)) if *found == mark)
    }

    fn is_name(&self, ahead: usize, name: &str) -> bool {
        matches!(self.token(ahead), Some(Token::Name(found)) if *found == name)
    }

    fn run(&mut self) -> Option<()> {
        while self.at < self.tokens.len() {
            match self.wants {
                Wants::Operand => self.operand()?,
                Wants::Operator => self.operator()?,
                Wants::Key => self.key()?,
            }
        }
        if self.wants != Wants::Operator {
            return None;
        }
        self.reduce(0)?;
        self.pending.is_empty().then_some(())
    }

    /// Takes operators off the stack that bind stronger than `strength`, down to a bracket.
    fn reduce(&mut self, strength: u8) -> Option<()> {
        while let Some(&last) = self.pending.last() {
            if last.strength() <= strength {
                break;
            }
            self.pending.pop();
            self.ops.push(match last {
                Pending::Binary(operator) => Op::Binary(operator),
                Pending::Not => Op::Not,
                Pending::Minus => Op::Minus,
                Pending::Plus => Op::Plus,
                Pending::Else => Op::Conditional,
                _ => return None,
            });
        }
        Some(())
    }

    fn push(&mut self, op: Op) {
        self.ops.push(op);
        self.wants = Wants::Operator;
    }

    fn open(&mut self, pending: Pending) {
        self.pending.push(pending);
        self.wants = Wants::Operand;
    }

    /// How many parts the list, call, object or template string has that is open.
    fn count(&mut self) -> Option<&mut usize> {
        match self.pending.last_mut()? {
            Pending::List(count)
            | Pending::Call(count)
            | Pending::Object(count)
            | Pending::Template(count) => Some(count),
            _ => None,
        }
    }

    fn operand(&mut self) -> Option<()> {
        if let Some(length) = self.function() {
            self.at += length;
            self.push(Op::Push(ScriptValue::Unknown));
            return Some(());
        }
        let token = self.token(0)?.clone();
        self.at += 1;
        match token {
            Token::Literal(value) => self.push(Op::Push(value)),
            Token::Name(name) => self.name(name)?,
            Token::Backtick => self.pending.push(Pending::Template(0)),
            Token::TemplateText { cooked, .. } => {
                *self.count()? += 1;
                self.ops.push(Op::Push(ScriptValue::text(cooked)));
                self.after_template_text()?;
            }
            Token::Mark(mark) => match mark {
                "!" => self.pending.push(Pending::Not),
                "-" => self.pending.push(Pending::Minus),
                "+" => self.pending.push(Pending::Plus),
                "(" => self.pending.push(Pending::Parenthesis),
                "[" => self.pending.push(Pending::List(0)),
                "{" => {
                    self.pending.push(Pending::Object(0));
                    self.wants = Wants::Key;
                }
                // An empty list or call, or a trailing comma.
                "]" => self.close_list()?,
                ")" => self.close_call()?,
                _ => return None,
            },
            Token::Other => return None,
        }
        Some(())
    }

    /// What follows the text of a template string: an expression or the end.
    fn after_template_text(&mut self) -> Option<()> {
        match self.token(0)? {
            Token::Mark("{") => self.open(Pending::Hole),
            Token::Backtick => {
                let count = *self.count()?;
                self.pending.pop();
                self.push(Op::Concatenate(count));
            }
            _ => return None,
        }
        self.at += 1;
        Some(())
    }

    fn name(&mut self, name: &'s str) -> Option<()> {
        match name {
            "true" | "false" => self.push(Op::Push(ScriptValue::Bool(name == "true"))),
            "null" | "undefined" => self.push(Op::Push(ScriptValue::Nothing)),
            "new" | "typeof" | "await" | "void" | "delete" | "yield" | "class" | "async" => return None,
            "Array" if self.is_mark(0, ".") && self.is_name(1, "from") => self.range()?,
            "String" if self.is_mark(0, ".") && self.is_name(1, "raw") => {
                let Some(Token::TemplateText { raw, .. }) = self.token(3) else { return None };
                let raw = ScriptValue::text((*raw).to_owned());
                if self.token(2) != Some(&Token::Backtick) || self.token(4) != Some(&Token::Backtick) {
                    return None;
                }
                self.at += 5;
                self.push(Op::Push(raw));
            }
            _ => self.push(Op::Name(name.into())),
        }
        Some(())
    }

    /// `Array.from({length: N}, (_, i) => i)`, after its first name.
    fn range(&mut self) -> Option<()> {
        self.at += 2;
        for mark in ["(", "{"] {
            self.is_mark(0, mark).then(|| self.at += 1)?;
        }
        self.is_name(0, "length").then(|| self.at += 1)?;
        self.is_mark(0, ":").then(|| self.at += 1)?;
        match self.token(0)?.clone() {
            Token::Literal(value) => self.ops.push(Op::Push(value)),
            Token::Name(name) => self.ops.push(Op::Name(name.into())),
            _ => return None,
        }
        self.at += 1;
        while self.is_mark(0, ".") {
            let Some(Token::Name(name)) = self.token(1) else { return None };
            let name = (*name).into();
            self.ops.push(Op::Member(name));
            self.at += 2;
        }
        self.is_mark(0, "}").then(|| self.at += 1)?;
        for mark in [",", "("] {
            self.is_mark(0, mark).then(|| self.at += 1)?;
        }
        let (Some(Token::Name(_)), Some(Token::Name(index))) = (self.token(0), self.token(2)) else {
            return None;
        };
        let index = *index;
        let is_plain = self.is_mark(1, ",") && self.is_mark(3, ")") && self.is_mark(4, "=>");
        let is_plain = is_plain && self.is_name(5, index) && self.is_mark(6, ")");
        is_plain.then(|| self.at += 7)?;
        self.push(Op::Range);
        Some(())
    }

    /// How many tokens the function that begins here has; `None` if none does.
    fn function(&self) -> Option<usize> {
        let begins = match self.token(0)? {
            Token::Name("function") => true,
            Token::Name("async") => {
                self.is_name(1, "function") || self.is_mark(1, "(") || self.is_mark(2, "=>")
            }
            Token::Name(_) => self.is_mark(1, "=>"),
            Token::Mark("(") => self.arrow_follows(),
            _ => false,
        };
        if !begins {
            return None;
        }
        let mut depth = 0_usize;
        for (length, placed) in self.tokens.get(self.at..)?.iter().enumerate() {
            match &placed.token {
                Token::Mark("(" | "[" | "{") => depth += 1,
                Token::Mark(")" | "]" | "}" | "," | ";") if depth == 0 => return Some(length),
                Token::Mark(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
        }
        Some(self.tokens.len() - self.at)
    }

    /// True if the parenthesis that opens here encloses the parameters of an arrow function.
    fn arrow_follows(&self) -> bool {
        /// Parameters have no more tokens than this; so the work for each parenthesis is bounded.
        const MOST: usize = 64;
        let mut depth = 0_usize;
        for length in 0..MOST {
            match self.token(length) {
                Some(Token::Mark("(" | "[" | "{")) => depth += 1,
                Some(Token::Mark(")" | "]" | "}")) => {
                    depth -= 1;
                    if depth == 0 {
                        return self.is_mark(length + 1, "=>");
                    }
                }
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    /// The key of an entry in an object, or the end of the object.
    fn key(&mut self) -> Option<()> {
        let key = match self.token(0)?.clone() {
            Token::Mark("}") => return self.close_object(),
            Token::Name(name) => ScriptValue::text(name.to_owned()),
            Token::Literal(value) => ScriptValue::text(value.to_text()?),
            _ => return None,
        };
        *self.count()? += 1;
        self.ops.push(Op::Push(key));
        if self.is_mark(1, ":") {
            self.at += 2;
            self.wants = Wants::Operand;
            return Some(());
        }
        // `{name}` is `{name: name}`.
        let (Token::Name(name), true) =
            (self.token(0)?.clone(), self.is_mark(1, ",") || self.is_mark(1, "}"))
        else {
            return None;
        };
        self.at += 1;
        self.push(Op::Name(name.into()));
        Some(())
    }

    fn operator(&mut self) -> Option<()> {
        let Some(Token::Mark(mark)) = self.token(0).cloned() else { return None };
        self.at += 1;
        if let Some(operator) = Binary::of(mark) {
            self.reduce(operator.strength() - 1)?;
            self.open(Pending::Binary(operator));
            return Some(());
        }
        match mark {
            "?" => {
                self.reduce(1)?;
                self.open(Pending::Then);
            }
            ":" => {
                self.reduce(1)?;
                while self.pending.last() == Some(&Pending::Else) {
                    self.pending.pop();
                    self.ops.push(Op::Conditional);
                }
                if self.pending.pop() != Some(Pending::Then) {
                    return None;
                }
                self.open(Pending::Else);
            }
            "." | "?." => {
                let Some(Token::Name(name)) = self.token(0) else { return None };
                let name = *name;
                self.at += 1;
                if name == "includes" && self.is_mark(0, "(") {
                    self.at += 1;
                    self.open(Pending::Includes);
                } else {
                    let op = if mark == "." { Op::Member(name.into()) } else { Op::MemberIfAny(name.into()) };
                    self.push(op);
                }
            }
            "[" => self.open(Pending::Index),
            "(" => self.open(Pending::Call(0)),
            "," | "]" | "}" | ")" => self.separator(mark)?,
            _ => return None,
        }
        Some(())
    }

    /// A comma or a closing bracket after an operand.
    fn separator(&mut self, mark: &str) -> Option<()> {
        self.reduce(0)?;
        match mark {
            "," => {
                match self.pending.last_mut()? {
                    Pending::List(count) | Pending::Call(count) => *count += 1,
                    Pending::Object(_) => {
                        self.wants = Wants::Key;
                        return Some(());
                    }
                    _ => return None,
                }
                self.wants = Wants::Operand;
            }
            "]" => match self.pending.last_mut()? {
                Pending::Index => {
                    self.pending.pop();
                    self.push(Op::Index);
                }
                Pending::List(count) => {
                    *count += 1;
                    self.close_list()?;
                }
                _ => return None,
            },
            "}" => {
                if self.pending.last() == Some(&Pending::Hole) {
                    self.pending.pop();
                    *self.count()? += 1;
                    self.wants = Wants::Operand;
                } else {
                    self.at -= 1;
                    self.close_object()?;
                }
            }
            ")" => match self.pending.last_mut()? {
                Pending::Parenthesis => {
                    self.pending.pop();
                    self.wants = Wants::Operator;
                }
                Pending::Includes => {
                    self.pending.pop();
                    self.push(Op::Includes);
                }
                Pending::Call(count) => {
                    *count += 1;
                    self.close_call()?;
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }

    fn close_list(&mut self) -> Option<()> {
        let Some(Pending::List(count)) = self.pending.pop() else { return None };
        self.push(Op::List(count));
        Some(())
    }

    fn close_call(&mut self) -> Option<()> {
        let Some(Pending::Call(count)) = self.pending.pop() else { return None };
        self.push(Op::Call(count));
        Some(())
    }

    fn close_object(&mut self) -> Option<()> {
        self.at += 1;
        let Some(Pending::Object(count)) = self.pending.pop() else { return None };
        self.push(Op::Object(count));
        Some(())
    }
}

/// A declaration among the statements of `{@body …}`.
#[derive(Debug)]
pub(in super::super) struct Declaration<'s> {
    /// The names that it declares, in order.
    pub(in super::super) names: Vec<&'s str>,
    /// What the names get.
    pub(in super::super) bound: Bound,
}

/// What the names of a declaration get.
#[derive(Debug)]
pub(in super::super) enum Bound {
    /// One name, one value.
    Value(Script),
    /// The first name is a state that begins with this value, the others are functions.
    State(Option<Script>),
    /// Nothing that is evaluated.
    Unknown,
}

/// What is declared by statements, and whether a function is among them.
#[derive(Debug, Default)]
pub(in super::super) struct BodyDeclarations<'s> {
    pub(in super::super) declarations: Vec<Declaration<'s>>,
    pub(in super::super) has_function: bool,
}

/// The declarations among `source`.
pub(in super::super) fn body(source: &str) -> BodyDeclarations<'_> {
    let tokens = tokens(super::start_of(source));
    let mut body = BodyDeclarations::default();
    for statement in statements(&tokens) {
        let is_function =
            |placed: &Placed<'_>| matches!(placed.token, Token::Name("function") | Token::Mark("=>"));
        body.has_function |= statement.iter().any(is_function);
        body.declarations.extend(declaration(statement));
    }
    body
}

/// True for the words that begin a statement.
fn begins_statement(token: &Token<'_>) -> bool {
    let words =
        ["const", "let", "var", "function", "return", "if", "for", "while", "switch", "async", "import"];
    matches!(token, Token::Name(name) if words.contains(name))
}

/// The statements among `tokens`.
fn statements<'t, 's>(tokens: &'t [Placed<'s>]) -> Vec<&'t [Placed<'s>]> {
    let mut found = Vec::new();
    let statement = |range: Range<usize>| tokens.get(range).unwrap_or_default();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, placed) in tokens.iter().enumerate() {
        let begins = depth == 0 && at > start && begins_statement(&placed.token);
        let follows_async =
            at > 0 && matches!(tokens.get(at - 1), Some(Placed { token: Token::Name("async"), .. }));
        let value_follows =
            at > 0 && matches!(tokens.get(at - 1), Some(Placed { token: Token::Mark(_), .. }));
        if begins && !follows_async && (placed.begins_line || !value_follows) {
            found.push(statement(start..at));
            start = at;
        }
        match placed.token {
            Token::Mark("(" | "[" | "{") => depth += 1,
            Token::Mark(")" | "]" | "}") => depth = depth.saturating_sub(1),
            Token::Mark(";") if depth == 0 => {
                found.push(statement(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(statement(start..tokens.len()));
    found
}

/// What `statement` declares.
fn declaration<'s>(statement: &[Placed<'s>]) -> Option<Declaration<'s>> {
    let (first, rest) = statement.split_first()?;
    match first.token {
        Token::Name("const" | "let" | "var") => {}
        Token::Name("async" | "function") => {
            let name = statement.iter().find_map(|placed| match placed.token {
                Token::Name(name) if !matches!(name, "async" | "function") => Some(name),
                _ => None,
            })?;
            return Some(Declaration { names: vec![name], bound: Bound::Unknown });
        }
        _ => return None,
    }
    let equals = rest.iter().position(|placed| placed.token == Token::Mark("="))?;
    let (target, value) = (rest.get(..equals)?, rest.get(equals + 1..)?);
    let names: Vec<_> = target
        .iter()
        .filter_map(|placed| match placed.token {
            Token::Name(name) => Some(name),
            _ => None,
        })
        .collect();
    let destructures = target.len() > 1;
    let hook = value.iter().position(|placed| placed.token == Token::Mark("("));
    // A function such as `(x) => x` begins with the parenthesis.
    let called = hook.filter(|at| *at <= 3).and_then(|at| value.get(at.checked_sub(1)?));
    let is_state = matches!(called, Some(Placed { token: Token::Name("useState"), .. }));
    if is_state {
        let inside = value.get(hook? + 1..value.len().saturating_sub(1)).unwrap_or_default();
        return Some(Declaration { names, bound: Bound::State(of_tokens(inside)) });
    }
    let script = if destructures { None } else { of_tokens(value) };
    Some(Declaration { names, bound: script.map_or(Bound::Unknown, Bound::Value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_need_no_semicolons() {
        let source =
            "const a = 1; const [b, setB] = DIL.useState(\"x\")\nfunction f(){ const c = 2; }\nlet d = a";
        let body = body(source);
        let names: Vec<_> = body.declarations.iter().map(|declaration| declaration.names.clone()).collect();
        assert_eq!(names, [vec!["a"], vec!["b", "setB"], vec!["f"], vec!["d"]]);
        assert!(body.has_function);
        assert!(matches!(body.declarations[1].bound, Bound::State(Some(_))));
    }

    #[test]
    fn statements_begin_with_their_words_even_within_a_line() {
        for (source, expected) in [
            ("const a = 1 const b = 2", vec!["a", "b"]),
            ("const f = function g(){ }; let b = 1", vec!["f", "b"]),
            ("const a = 1\nasync function f(){ }\nvar b = 2", vec!["a", "f", "b"]),
            ("let f = async (x) => x", vec!["f"]),
        ] {
            let declared = body(source).declarations.into_iter().flat_map(|declaration| declaration.names);
            assert_eq!(declared.collect::<Vec<_>>(), expected, "{source}");
        }
    }
}
