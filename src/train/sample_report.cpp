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
  size_t width = 22;
  for (const auto& [name, n] : report.dropped) width = std::max(width, name.size() + 2);
  const auto line = [&](const std::string& name, int64_t n) {
    return fmt::format("{:<{}} {:>8}  {}\n", name, width, n, share_text(n, report.n_samples));
  };
  std::string text = fmt::format("{:<{}} {:>8}  of {} problems\n", "completions", width,
                                 report.n_samples, report.problems.size());
  for (const auto& [name, n] : report.dropped) {
    if (name == "duplicate") text += line("passed", report.n_passed);
    text += line("- " + name, n);
  }
  text += line("written", report.n_written);
  if (report.n_mixed > 0) text += fmt::format("{:<{}} {:>8}\n", "mixed in", width, report.n_mixed);
  const Solved solved = count_solved(report);
  text += fmt::format("problems solved: {} always, {} sometimes, {} never\n", solved.always,
                      solved.sometimes, solved.never);
  text += fmt::format("{} tokens in {}\n", human_count(static_cast<double>(report.n_tokens)),
                      human_seconds(report.seconds));
  const auto usage = [](const std::string& what, const ChatUsage& u, double cost) {
    return u.requests == 0
               ? std::string()
               : fmt::format(
                     "{}{} requests ({} failed), {} prompt and {} completion tokens, cost {:.4f}\n",
                     what, u.requests, u.failed, u.prompt_tokens, u.output_tokens, cost);
  };
  text += usage("", report.usage, report.cost);
  text += usage("rewriting: ", report.rewrite_usage, report.rewrite_cost);
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
  const auto add_usage = [&](const char* name, const ChatUsage& u, double cost) {
    if (u.requests == 0) return;
    json[name] = {{"requests", u.requests},
                  {"failed", u.failed},
                  {"prompt_tokens", u.prompt_tokens},
                  {"completion_tokens", u.output_tokens},
                  {"cost", cost}};
  };
  add_usage("usage", report.usage, report.cost);
  add_usage("rewrite_usage", report.rewrite_usage, report.rewrite_cost);
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace r1
