//! `estiba serve`, and the command through it.

#![allow(missing_docs, clippy::unwrap_used)]

mod access;
mod api;
mod bench;
mod contract;
mod course;
mod export;
mod forward;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/gate.rs"]
mod gate;
mod logs;
mod pages;
mod pipelines;
#[path = "../support/postgres.rs"]
mod postgres;
mod several;
#[path = "../support/steady.rs"]
mod steady;
mod story;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/mod.rs"]
mod support;
mod traces;
mod verifying;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![
        access::a_token_does_not_grow,
        access::another_team_is_not_there,
        access::nobody_gets_nothing,
        access::roles_do_what_is_theirs,
        api::a_secret_of_a_wrong_type_is_not_told_back,
        api::a_write_with_a_key_is_done_once,
        api::answers_are_as_the_standards_say,
        api::files_with_mistakes_are_told_with_their_place,
        api::what_is_too_much_is_refused,
        contract::every_operation_answers_as_its_document_says,
        course::a_course_gives_each_team_what_is_theirs,
        course::a_course_is_for_admins_and_tells_what_is_readable_by_others,
        export::an_export_has_what_the_server_knows,
        forward::a_killed_forwarder_loses_and_doubles_no_line,
        forward::lines_of_a_project_are_in_a_cluster_and_found_there,
        forward::opensearch_finds_what_the_store_finds,
        forward::opensearch_gets_each_line_once_and_bad_ones_are_set_aside,
        logs::a_bad_query_is_told_with_its_place,
        logs::a_killed_server_loses_and_doubles_no_line,
        logs::a_server_beside_another_waits_for_its_logs,
        logs::a_shipper_writes_lines_of_its_team_and_does_nothing_else,
        logs::lines_are_found_and_followed_by_the_api_and_the_command,
        pages::access::another_teams_pages_are_not_there,
        pages::access::nobody_sees_a_page,
        pages::access::roles_see_and_do_what_is_theirs,
        pages::chromium::people_ship_from_a_browser,
        pages::content::a_language_is_chosen_for_all_pages,
        pages::content::a_page_weighs_less_than_100_kilobytes,
        pages::content::markup_is_text_and_secrets_are_nowhere,
        pages::content::pages_have_the_headers_of_pages,
        pages::content::what_was_not_done_is_told_as_it_is_read,
        pages::logs::a_bad_query_is_shown_where_it_is_wrong,
        pages::logs::lines_are_searched_and_narrowed_by_clicks,
        pages::logs::new_lines_come_by_themselves,
        pages::provider::a_provider_without_a_secret_or_tls_is_refused,
        pages::provider::people_log_in_with_a_provider,
        pages::session::a_session_ends_with_its_token_and_reaches_no_more,
        pages::session::a_session_in_use_ends_too,
        pages::session::a_session_over_tls_is_of_its_host_alone,
        pages::session::a_session_that_is_left_alone_ends,
        pages::session::forms_of_others_change_nothing,
        pages::session::people_come_in_and_leave,
        pages::session::tokens_are_not_guessed_at_the_door,
        pipelines::a_job_of_github_gets_its_token_itself,
        pipelines::a_pipeline_has_previews,
        pipelines::a_pipeline_ships_without_a_stored_token,
        several::another_server_carries_on_what_a_killed_one_had_begun,
        story::a_deployment_outlives_the_server_that_began_it,
        story::a_team_ships_through_a_server,
        traces::a_collector_gets_requests_and_the_steps_of_deployments,
        verifying::an_environment_is_tried_through_a_server,
        verifying::services_outside_are_tried_through_a_server,
    ])
}
