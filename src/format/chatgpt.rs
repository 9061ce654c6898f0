//! ChatGPT's words (mapping, current_node, content parts …) put into the neutral model.
