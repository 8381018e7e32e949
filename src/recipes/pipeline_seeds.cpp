#include "recipes/pipeline_seeds.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/pipeline_compare.h"
#include "recipes/text_table.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

double number(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number() ? it->get<double>() : kUnknown;
}

std::string words(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

/// The objects of a list; none where there is no list.
std::vector<Json> rows_of(const Json& json, const char* key) {
  std::vector<Json> rows;
  const auto it = json.find(key);
  if (it == json.end() || !it->is_array()) return rows;
  std::copy_if(it->begin(), it->end(), std::back_inserter(rows),
               [](const Json& row) { return row.is_object(); });
  return rows;
}

/// cons@k of the largest k.
double majority_of(const Json& model) {
  const auto it = model.find("cons@k");
  double value = kUnknown;
  int largest = 0;
  if (it == model.end() || !it->is_object()) return value;
  for (const auto& [key, estimate] : it->items()) {
    const int k = std::atoi(key.c_str());
    if (k > largest && estimate.is_object()) largest = k, value = number(estimate, "mean");
  }
  return value;
}

Result<RunSummary> read_run_summary(const std::string& folder) {
  const Path file = Path(folder) / "summary.json";
  R1_TRY(const std::string text, read_text(file));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    return fail("{}: is not a JSON object; r1 run RECIPE --output_dir {} writes it", file.string(),
                folder);
  RunSummary run{words(json, "title"), words(json, "seed"), folder};
  const std::vector<Json> models = rows_of(json, "models");
  for (const Json& m : models) {
    std::string name = words(m, "name");
    if (words(m, "data") != words(models[0], "data")) name += " · " + words(m, "data");
    run.models.push_back({name, number(m, "pass@1"), number(m, "pass@1_stderr"), majority_of(m),
                          number(m, "one_language_rate"), number(m, "mean_length")});
  }
  for (const Json& v : rows_of(json, "verdicts"))
    run.verdicts.push_back({words(v, "claim"), words(v, "verdict"), words(v, "numbers")});
  for (const Json& r : rows_of(json, "distillation"))
    run.ratios.push_back({words(r, "distilled") + " / " + words(r, "rl"), number(r, "ratio")});
  if (const auto it = json.find("timing"); it != json.end() && it->is_object())
    run.seconds = number(*it, "total_seconds");
  return run;
}

/// What each run is called: its seed, or its folder where seeds do not tell them apart.
std::vector<std::string> labels_of(const std::vector<RunSummary>& runs) {
  std::set<std::string> seeds;
  for (const RunSummary& run : runs) seeds.insert(run.seed);
  std::vector<std::string> labels;
  for (const RunSummary& run : runs)
    labels.push_back(seeds.size() == runs.size() ? "seed " + run.seed : run.folder);
  return labels;
}

struct Spread {
  double mean = kUnknown, deviation = kUnknown;
};

Spread spread_of(const std::vector<double>& values) {
  double sum = 0, squares = 0, n = 0;
  for (const double v : values) {
    if (std::isfinite(v)) sum += v, ++n;
  }
  if (n == 0) return {};
  for (const double v : values) {
    if (std::isfinite(v)) squares += (v - sum / n) * (v - sum / n);
  }
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1)) : kUnknown};
}

/// Names over all runs, in the order they come up.
template <class Item>
std::vector<std::string> names_of(const std::vector<RunSummary>& runs,
                                  std::vector<Item> RunSummary::*list, std::string Item::*name) {
  std::vector<std::string> names;
  for (const RunSummary& run : runs) {
    for (const Item& item : run.*list) {
      if (std::find(names.begin(), names.end(), item.*name) == names.end())
        names.push_back(item.*name);
    }
  }
  return names;
}

template <class Item>
const Item* find_item(const std::vector<Item>& list, std::string Item::*name,
                      const std::string& wanted) {
  const auto it =
      std::find_if(list.begin(), list.end(), [&](const Item& i) { return i.*name == wanted; });
  return it == list.end() ? nullptr : &*it;
}

std::string model_table(const std::vector<RunSummary>& runs) {
  using Model = RunSummary::Model;
  TextRow head{"model"};
  for (const std::string& label : labels_of(runs)) head.push_back(label);
  head.insert(head.end(), {"pass@1", "majority", "one language", "length"});
  std::vector<TextRow> rows{head};
  for (const std::string& name : names_of(runs, &RunSummary::models, &Model::name)) {
    TextRow row{name};
    std::vector<double> pass, majority, one_language, length;
    for (const RunSummary& run : runs) {
      const Model* m = find_item(run.models, &Model::name, name);
      row.push_back(m ? share_text({m->pass, m->pass_error, {}}) : "–");
      if (!m) continue;
      pass.push_back(m->pass), majority.push_back(m->majority);
      one_language.push_back(m->one_language), length.push_back(m->length);
    }
    const Spread tokens = spread_of(length);
    row.insert(row.end(), {spread_text(pass), spread_text(majority), spread_text(one_language),
                           std::isfinite(tokens.mean) ? fmt::format("{:.1f}", tokens.mean) : "–"});
    rows.push_back(std::move(row));
  }
  return text_table(rows, 1, true);
}

std::string ratio_table(const std::vector<RunSummary>& runs) {
  using Ratio = RunSummary::Ratio;
  TextRow head{"times as many solved"};
  for (const std::string& label : labels_of(runs)) head.push_back(label);
  head.push_back("all");
  std::vector<TextRow> rows{head};
  for (const std::string& name : names_of(runs, &RunSummary::ratios, &Ratio::name)) {
    TextRow row{name};
    std::vector<double> ratios;
    for (const RunSummary& run : runs) {
      const Ratio* r = find_item(run.ratios, &Ratio::name, name);
      ratios.push_back(r ? r->ratio : kUnknown);
      row.push_back(std::isfinite(ratios.back()) ? fmt::format("{:.1f}", ratios.back()) : "–");
    }
    const Spread all = spread_of(ratios);
    row.push_back(std::isfinite(all.deviation)
                      ? fmt::format("{:.1f} ± {:.1f}", all.mean, all.deviation)
                      : "–");
    rows.push_back(std::move(row));
  }
  return rows.size() > 1 ? text_table(rows, 1, true) + "\n" : "";
}

std::string verdict_list(const std::vector<RunSummary>& runs) {
  using Verdict = RunSummary::Verdict;
  const std::vector<std::string> labels = labels_of(runs);
  std::string text;
  for (const std::string& claim : names_of(runs, &RunSummary::verdicts, &Verdict::claim)) {
    text += "- " + claim + "\n";
    for (size_t i = 0; i < runs.size(); ++i) {
      const Verdict* v = find_item(runs[i].verdicts, &Verdict::claim, claim);
      text += fmt::format("  - {}: {}\n", labels[i],
                          v ? "**" + v->verdict + "** (" + v->numbers + ")" : "–");
    }
  }
  return text;
}

}  // namespace

std::string spread_text(const std::vector<double>& shares) {
  const Spread s = spread_of(shares);
  if (!std::isfinite(s.deviation)) return percent_text(s.mean);
  return fmt::format("{:.1f} ± {:.1f} %", s.mean * 100, s.deviation * 100);
}

Result<std::vector<RunSummary>> read_run_summaries(const std::vector<std::string>& folders) {
  if (folders.size() < 2) return fail("one run has nothing to be compared with; name two or more");
  std::vector<RunSummary> runs;
  for (const std::string& folder : folders) {
    R1_TRY(RunSummary run, read_run_summary(folder));
    if (!runs.empty() && run.title != runs[0].title)
      return fail("{}: is a run of '{}', {} one of '{}'; compare runs of one recipe", folder,
                  run.title, folders[0], runs[0].title);
    runs.push_back(std::move(run));
  }
  return runs;
}

std::string compare_runs(const std::vector<RunSummary>& runs) {
  std::string text = fmt::format("{}: {} runs\n\n", runs[0].title, runs.size());
  text += model_table(runs) + "\n" + ratio_table(runs) + verdict_list(runs);
  std::vector<double> seconds;
  text += "\ntime:";
  for (const RunSummary& run : runs) {
    seconds.push_back(run.seconds);
    text += fmt::format(" {},", std::isfinite(run.seconds) ? human_seconds(run.seconds) : "–");
  }
  const Spread all = spread_of(seconds);
  text += std::isfinite(all.mean) ? fmt::format(" {} on average\n", human_seconds(all.mean)) : "\n";
  return text +
         "\nEach run: pass@1 ± one standard error over its problems. All runs: mean ± standard "
         "deviation over the runs.\n";
}

}  // namespace r1
