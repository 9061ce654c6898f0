//! The parts of a conversation that no page shows, which the scanner may leave out. For all formats at once, because the
//! scanner works before an element's vendor is known.

/// Containers in a message's `metadata` that some format reads; all others are dropped. Values that are not containers
/// stay anyway.
pub(super) const KEPT_METADATA: [&[u8]; 17] = [
    b"attachments",
    b"content_references",
    b"citations",
    b"aggregate_result",
    b"search_result_groups",
    b"_cite_metadata",
    b"canvas",
    b"finish_details",
    b"user_context_message_data",
    b"chatgpt_sdk",
    b"mounted_library_file_references",
    b"shared_library_file_references",
    b"writing_blocks",
    b"genui_components",
    b"model_dil_v2",
    b"targeted_reply",
    b"targeted_reply_label",
];

/// Containers of the conversation itself that no format reads.
pub(super) const DROPPED: [&[u8]; 6] = [
    b"moderation_results", b"safe_urls", b"blocked_urls", b"disabled_tool_ids", b"plugin_ids",
    b"context_scopes",
];
