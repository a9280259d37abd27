//! What is not a behaviour of every target: the conformance kit asks for those.

#![allow(missing_docs, clippy::unwrap_used)]

mod cluster;
mod course;
mod cross;
mod engine;
mod export;
#[path = "../support/gate.rs"]
mod gate;
mod import;
mod killed;
mod logs;
mod preflight;
mod registry;
#[path = "../support/steady.rs"]
mod steady;
#[path = "../support/mod.rs"]
mod support;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![
        // The longest comes first: at the end all others would wait for it.
        registry::a_registry_that_fails_is_told_once_and_leaves_what_runs,
        registry::a_version_in_the_registry_is_never_overwritten,
        cluster::a_database_of_an_operator_is_read_from_its_secret,
        cluster::a_secret_that_does_not_open_the_registry_is_told,
        cluster::an_api_server_that_comes_back_in_time_is_waited_for,
        cluster::the_rights_that_are_printed_are_enough_and_one_that_lacks_is_named,
        course::a_course_that_was_killed_goes_on,
        course::a_release_of_a_teams_own_stays,
        course::a_team_that_fails_does_not_keep_the_others,
        course::only_what_there_is_can_be_taken_down,
        course::teams_come_up_from_one_file,
        course::teams_come_up_on_a_cluster,
        course::what_a_failed_deployment_left_goes_with_its_team,
        course::what_does_not_fit_fails,
        cross::failing::either_side_that_fails_leaves_both_as_they_were_on_this_machine,
        cross::failing::either_side_that_fails_leaves_both_as_they_were_with_a_cluster,
        cross::failing::either_side_that_fails_leaves_both_as_they_were_with_a_cluster_and_heroku,
        cross::gone::a_cluster_that_is_gone_for_good_does_not_hold_its_environment,
        cross::gone::a_target_that_is_gone_for_good_does_not_hold_its_environment,
        cross::moving::a_bot_that_moves_is_given_the_address_at_once_on_this_machine,
        cross::moving::a_bot_that_moves_is_given_the_address_at_once_with_a_cluster,
        cross::promoted::a_promotion_takes_the_same_images_to_a_cluster,
        cross::promoted::a_promotion_takes_the_same_images_to_another_target_of_this_machine,
        engine::an_engine_that_is_killed_before_a_newcomer_is_ready_leaves_what_served,
        engine::an_engine_that_is_killed_before_a_start_leaves_what_served,
        engine::an_engine_that_is_started_again_brings_its_instances_back,
        engine::an_image_for_another_processor_is_called_so_and_leaves_what_served,
        export::a_chart_is_sound_and_runs_without_estiba,
        export::a_compose_file_runs_without_estiba,
        export::manifests_run_without_estiba,
        import::a_compose_project_is_imported_and_runs,
        killed::a_change_is_ended_by_the_next_start,
        killed::a_first_deployment_is_ended_by_the_next_start,
        logs::lines_are_searched_without_a_server,
        preflight::services_outside_are_tried_in_a_cluster,
        preflight::services_outside_are_tried_in_docker,
        preflight::services_outside_are_tried_on_this_machine,
    ])
}
