//! Golden trees: for every case in `fixtures/<vendor>/`, the export made of its one conversation and its files
//! becomes exactly its expected tree, names and bytes.
//!
//! A case is a directory named like its test: `conversation.json`, perhaps `export/` (further entries of the
//! archive), and `expected/`. `GPTFS_BLESS=1` rewrites `expected/`; read the diff before you commit it.

use crate::support::{Scratch, Tree, Zip, exported, fixtures};
use std::fs;

/// Declares a test for each case of a vendor, and one that checks that no directory lacks a test.
macro_rules! cases {
    ($vendor:ident: $($case:ident)*) => {
        mod $vendor {
            $(#[test] fn $case() { super::check(stringify!($vendor), stringify!($case)); })*

            #[test]
            fn every_case_has_its_test() {
                let mut found: Vec<String> = super::fs::read_dir(super::fixtures().join(stringify!($vendor)))
                    .expect("the fixtures of a vendor")
                    .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
                    .collect();
                found.sort();
                let mut listed: Vec<&str> = vec![$(stringify!($case)),*];
                listed.sort_unstable();
                assert_eq!(found, listed);
            }
        }
    };
}

#[track_caller]
fn check(vendor: &str, case: &str) {
    let directory = fixtures().join(vendor).join(case);
    // Bytes, not text: some exports are not valid UTF-8.
    let conversation = fs::read(directory.join("conversation.json")).expect("conversation.json");
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations.json", [b"[", &conversation[..], b"]"].concat())
        .tree(&Tree::read(&directory.join("export")));
    let got = exported(&scratch.zip("export.zip", &zip));
    let expected = directory.join("expected");
    if std::env::var_os("GPTFS_BLESS").is_some() {
        got.write(&expected);
    }
    got.assert_is(&Tree::read(&expected), case);
}

cases! { chatgpt:
    formulas_are_written_between_dollar_signs
    what_an_answer_leaves_open_ends_with_it
    links_and_footnotes_stay_in_their_answer
    headings_of_a_turn_move_down_together
    the_thread_is_the_walk_up_from_the_current_node
    the_current_node_need_not_be_a_leaf
    a_dangling_current_node_falls_back_to_the_newest_shown_leaf
    among_leaves_of_one_time_the_later_in_the_mapping_is_current
    without_children_the_parents_make_the_tree
    the_parent_wins_over_lists_of_children
    a_dangling_parent_makes_a_root_of_its_own
    a_thread_may_begin_at_a_dangling_parent
    a_cycle_in_parents_ends_the_thread
    a_node_that_is_its_own_parent_is_a_root
    a_node_without_a_message_is_passed_through
    an_empty_mapping_is_an_empty_page
    only_hidden_messages_are_an_empty_page
    times_out_of_order_change_nothing
    lines_are_numbered_by_their_start_and_not_by_lists_of_children
    a_fork_inside_a_branch_is_a_branch_of_its_own
    the_visible_thread_may_be_a_fork_of_a_fork
    a_branch_with_nothing_to_show_is_no_branch
    no_title_and_no_time_is_undated_and_untitled
    without_a_time_of_its_own_a_conversation_begins_with_its_first_message
    a_title_is_made_a_portable_name
    front_matter_has_project_star_archive_and_all_models
    front_matter_has_the_custom_gpt
    a_long_title_is_composed_and_cut_to_200_bytes
    a_title_that_windows_takes_for_a_device_is_marked
    a_title_of_dots_alone_is_untitled
    a_video_is_a_link
    a_big_paste_is_a_link
    hidden_messages_are_passed_over
    weight_hides_no_user_and_no_assistant
    absent_keys_of_a_message_have_their_defaults
    an_answer_that_tools_interrupt_is_one_turn
    consecutive_questions_are_turns_of_their_own
    an_answer_cut_inside_a_fence_goes_on_inside_it
    an_answer_cut_in_a_word_goes_on_in_it
    a_stopped_answer_says_so_and_its_fence_is_closed
    text_can_not_forge_the_frame
    parts_may_be_several_and_null
    python_code_is_shown_with_its_output_and_plots
    a_fence_is_longer_than_any_run_inside_it
    a_shell_call_is_decoded
    code_for_everybody_is_a_fence
    thoughts_are_folded_under_their_duration
    a_recap_without_thoughts_is_a_line
    errors_screens_widgets_and_unknown_types
    an_unknown_type_is_shown_by_the_words_it_has
    odd_parts_are_shown_or_named
    a_file_is_shown_once_and_a_missing_one_named
    generated_pictures_have_their_prompts
    voice_turns_are_transcripts_with_recordings
    canvas_documents_are_shown_at_every_version
    canvas_edits_that_can_not_be_applied_are_shown
    a_canvas_edit_is_applied_and_code_keeps_its_type
    a_writing_block_is_quoted_under_its_subject
    names_come_from_the_names_map_and_the_library
    files_of_one_name_are_told_apart
    references_count_code_points_and_attributions_stay
    every_kind_of_reference_has_its_rule
    references_to_galleries_maps_and_summaries_have_their_rules
    a_citation_without_items_has_its_alternative_or_its_fallback
    references_to_blocks_are_blocks
    a_cited_file_is_a_link_where_it_exists
    citations_of_2023_are_links_and_other_brackets_stay
    files_cited_in_2023_are_links_or_names
    marks_in_thinking_and_canvas_documents_are_resolved_too
    marks_without_references_are_resolved_or_removed
    marks_of_every_kind_say_what_they_can
    group_chats_are_conversations_with_named_people
    a_displaced_reference_is_found_and_a_lost_one_is_skipped
    a_lone_surrogate_counts_as_one
    a_surrogate_pair_in_six_bytes_is_one_character
    line_ends_are_unified_and_controls_removed
    what_strict_readers_refuse_is_read_leniently
    components_cite_pages_by_their_ids
    components_in_code_and_in_questions_are_left_alone
    boxes_rows_and_grids_are_blocks_lines_and_lists
    component_lists_keep_their_marks_and_stay_apart
    component_tables_are_tables_with_safe_cells
    names_and_links_of_components_are_plain_words
    drafts_of_components_are_quotes_as_they_were_saved
    charts_of_components_are_tables_of_their_data
    templates_of_components_are_evaluated
    controls_are_listed_and_hidden_branches_are_shown
    pictures_and_maps_of_components_are_named
    code_of_components_is_a_fence_as_it_was_written
    html_beside_components_stays_html
    broken_components_lose_no_words
    content_in_another_shape_is_shown_by_its_words
    without_any_link_the_order_of_the_mapping_is_the_thread
    a_current_node_on_a_path_without_a_shown_message_is_passed_over
    a_researched_report_is_an_answer
    what_only_the_library_links_is_in_the_answer_that_made_it
    a_marked_passage_is_quoted_above_the_question
    pages_that_the_model_was_given_are_not_shown
    assets_are_found_by_exact_names_before_patterns
}
