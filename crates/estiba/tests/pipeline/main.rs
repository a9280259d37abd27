//! Pipelines that `estiba ci` writes, run for real and offline by other people's
//! programs: from a tag in a repository to test, and by hand to prod.

#![allow(missing_docs, clippy::unwrap_used)]

mod check;
mod previews;
mod repository;
#[path = "../support/steady.rs"]
mod steady;
mod story;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/mod.rs"]
mod support;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![
        check::a_file_that_is_no_text_is_told_of_as_what_it_is,
        check::a_pipeline_with_faults_is_told_of_and_not_run,
        check::without_the_tool_advice_is_given,
        check::a_pipeline_goes_the_way_of_the_project,
        check::options_that_make_no_sense_are_refused,
        check::a_component_is_written_where_it_is_asked_for,
        check::a_workflow_is_written_with_what_else_asks_a_person,
        check::what_gitlab_refuses_is_told_of_in_all_files_of_the_repository,
        check::what_is_there_is_not_written_over,
        previews::a_preview_comes_and_goes,
        story::a_failed_acceptance_test_ends_it,
        story::a_tag_comes_to_test_and_by_hand_to_prod,
        story::on_a_cluster,
        story::another_tool_runs_it_too,
        story::two_repositories_of_a_team_do_not_replace_each_other,
    ])
}
