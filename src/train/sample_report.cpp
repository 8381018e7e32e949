// What rejection sampling did, for people and as JSON.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "train/sample.h"

namespace r1 {
namespace {

std::string share_text(int64_t part, int64_t whole) {
  return fmt::format(
      "{:5.1f} %",
      whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0);
}

/// Problems none, some or all of whose samples passed.
struct Solved {
  int64_t never = 0, sometimes = 0, always = 0;
};

Solved count_solved(const SampleReport& report) {
  Solved solved;
  for (const SampledProblem& p : report.problems)
    ++(p.passed == 0 ? solved.never : p.passed == p.samples ? solved.always : solved.sometimes);
  return solved;
}

}  // namespace

std::string describe(const SampleReport& report) {
  const auto line = [&](const std::string& name, int64_t n) {
    return fmt::format("{:<22} {:>8}  {}\n", name, n, share_text(n, report.n_samples));
  };
  std::string text = fmt::format("{:<22} {:>8}  of {} problems\n", "completions", report.n_samples,
                                 report.problems.size());
  for (const auto& [name, n] : report.dropped) {
    if (name == "duplicate") text += line("passed", report.n_passed);
    text += line("- " + name, n);
  }
  text += line("written", report.n_written);
  if (report.n_mixed > 0) text += fmt::format("{:<22} {:>8}\n", "mixed in", report.n_mixed);
  const Solved solved = count_solved(report);
  text += fmt::format("problems solved: {} always, {} sometimes, {} never\n", solved.always,
                      solved.sometimes, solved.never);
  text += fmt::format("{} tokens in {}\n", human_count(static_cast<double>(report.n_tokens)),
                      human_seconds(report.seconds));
  if (report.usage.requests > 0)
    text +=
        fmt::format("{} requests ({} failed), {} prompt and {} completion tokens, cost {:.4f}\n",
                    report.usage.requests, report.usage.failed, report.usage.prompt_tokens,
                    report.usage.output_tokens, report.cost);
  return text;
}

std::string sample_report_to_json(const SampleReport& report) {
  using Json = nlohmann::ordered_json;
  Json dropped = Json::object(), problems = Json::array();
  for (const auto& [name, n] : report.dropped) dropped[name] = n;
  for (const SampledProblem& p : report.problems) {
    problems.push_back(
        {{"id", p.id}, {"samples", p.samples}, {"passed", p.passed}, {"written", p.written}});
  }
  const Solved solved = count_solved(report);
  Json json{{"output", report.output},
            {"problems", report.problems.size()},
            {"solved_always", solved.always},
            {"solved_sometimes", solved.sometimes},
            {"solved_never", solved.never},
            {"samples", report.n_samples},
            {"dropped", dropped},
            {"passed", report.n_passed},
            {"written", report.n_written},
            {"mixed", report.n_mixed},
            {"tokens", report.n_tokens},
            {"seconds", report.seconds},
            {"acceptance", problems}};
  if (report.usage.requests > 0) {
    json["usage"] = {{"requests", report.usage.requests},
                     {"failed", report.usage.failed},
                     {"prompt_tokens", report.usage.prompt_tokens},
                     {"completion_tokens", report.usage.output_tokens},
                     {"cost", report.cost}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace r1
