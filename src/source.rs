//! What the user named (a ZIP, a folder, parts, nested containers, a bare JSON file) as archives and their roles.
