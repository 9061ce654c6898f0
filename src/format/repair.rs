//! JSON that strict parsers refuse and that exports contain, made acceptable without losing anything.
