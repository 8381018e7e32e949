// The parts of a pipeline's page. Each is "" or empty where there is nothing to show.
#pragma once

#include "recipes/pipeline_facts.h"

namespace r1 {

/// The story in a few figures, for the strip on top.
std::vector<Headline> pipeline_headlines(const PipelineFacts& facts, const std::string& machine);

/// The stages as boxes with arrows, for wide and for narrow screens.
std::string pipeline_picture(const PipelineFacts& facts);

std::string pipeline_models(const PipelineFacts& facts);    // the table of all that was measured
std::string pipeline_claims(const PipelineFacts& facts);    // with their verdicts
std::string pipeline_examples(const PipelineFacts& facts);  // problems, answered by every model
std::string pipeline_costs(const PipelineFacts& facts);

/// Sections with their headings: R1-Zero and R1, language reward, distillation.
std::string pipeline_comparisons(const PipelineFacts& facts);
std::string pipeline_test_time(const PipelineFacts& facts);  // thinking tokens, cons@k, pass@k
std::string pipeline_curves(const PipelineFacts& facts);
std::string pipeline_emergence(const PipelineFacts& facts);

/// 4.2T, 1.3P: as compact_text, with units for what is large.
std::string flops_text(double flops);
/// "1m 12s", "< 0.1s", or "–" where nothing was measured.
std::string seconds_text(double seconds);

/// The values of a metric of a stage, in the colour that the stage has in every chart: by its place
/// among those that come from one base. A stage that differs from another by its rewards alone has
/// the other's colour, dashed.
Series curve_of(const PipelineFacts& facts, const StageFacts& stage, const std::string& metric);
void set_colour(const PipelineFacts& facts, const StageFacts& stage, Series& series);
/// A chart of the series that have two points or more; several where there are more than six. Of
/// two that would look the same the second takes a colour that is free.
void add_chart(std::vector<Chart>& charts, const Chart& blank, std::vector<Series> series);
/// Means of neighbours, at most n of them: what a noisy curve of many points shows. A series of
/// fewer stays as it is.
Series smoothed(Series series, size_t n = 100);
/// Test-time compute, cons@k, pass@k, length by difficulty: models that come from one base share
/// their charts.
std::vector<Chart> model_charts(const PipelineFacts& facts);
/// RL with fewer rewards, which another stage is compared with.
bool is_ablation(const PipelineFacts& facts, const StageFacts& stage);

}  // namespace r1
