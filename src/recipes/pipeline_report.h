// The report of a pipeline: a page to show around, summary.json, a table for the terminal.
#pragma once

#include <string>

#include "recipes/pipeline_facts.h"

namespace r1 {

/// What the folders do not say about a run.
struct PipelineAbout {
  std::string machine, version, command;
};

/// One HTML file that asks for nothing from outside: no scripts, fonts or pictures.
std::string render_pipeline_report(const PipelineFacts& facts, const PipelineAbout& about);

/// JSON; everything that differs between two runs of one recipe stands under "timing", "machine",
/// "version" and "command". docs/pipeline-report.md has the keys. What is not known is null.
std::string pipeline_summary_json(const PipelineFacts& facts, const PipelineAbout& about);

/// The models as measured, or without an evaluation the stages; then the verdicts.
std::string pipeline_terminal_table(const PipelineFacts& facts, bool colour);

/// Reads the folders as they are and writes OUTPUT_DIR/report.html and OUTPUT_DIR/summary.json;
/// returns what it read.
Result<PipelineFacts> write_pipeline_report(const Pipeline& pipeline,
                                            const std::vector<std::string>& keys,
                                            const PipelineAbout& about);

/// The same of a run as it is, whatever program and recipe it was made with: its stages count as
/// done where they once were; seed, machine, version and command are those that summary.json has,
/// `about` where there is none.
Result<PipelineFacts> rewrite_pipeline_report(const Pipeline& pipeline, PipelineAbout about);

}  // namespace r1
