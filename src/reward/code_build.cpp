#include "reward/code_build.h"

#include <span>
#include <sstream>

#include "base/file.h"

namespace r1 {
namespace {

constexpr size_t kCacheBytes = size_t{256} << 20;
constexpr int kProgramKb = 32 << 10;  // the largest program a compiler may make
constexpr char kOut[] = "/jail/program";

std::string replace_all(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

size_t size_of(const Program& program) {
  size_t n = program.error.size();
  for (const SandboxFile& file : program.files) n += file.content.size();
  return n;
}

}  // namespace

Result<std::map<std::string, ProgramLanguage>> make_languages(
    const std::vector<std::string>& others) {
  std::map<std::string, ProgramLanguage> languages = {
      {"python", {"main.py", "", "/usr/bin/python3 -I {in}"}},
      {"c", {"main.c", "gcc -std=gnu17 -O2 -s -w -o {out} {extra} {in} -lm", "{out}"}},
      {"cpp", {"main.cpp", "g++ -std=c++20 -O2 -s -w -o {out} {extra} {in}", "{out}"}}};
  for (const std::string& text : others) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == '|') {
        parts.emplace_back();
      } else {
        parts.back().push_back(c);
      }
    }
    if (parts.size() != 4 || parts[0].empty() || parts[1].empty() || words_of(parts[3]).empty() ||
        parts[1].find('/') != std::string::npos) {
      return fail("languages: '{}' is not NAME|FILE|COMPILE|RUN, e.g. js|main.js||node {{in}}",
                  text);
    }
    languages[parts[0]] = {parts[1], parts[2], parts[3]};
  }
  return languages;
}

Result<std::shared_ptr<const Program>> ProgramBuilder::build(const ProgramLanguage& language,
                                                             const std::string& text,
                                                             const Extra& extra) {
  std::string key;
  for (const std::string* part :
       {&language.file, &language.compile, &language.run, &extra.flags, &extra.text, &text}) {
    key += std::to_string(part->size()) + ":" + *part;
  }
  key = sha256(std::as_bytes(std::span(key)));
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = programs_.find(key); found != programs_.end()) return found->second;
  }
  R1_TRY(Program made, compile(language, text, extra));
  auto program = std::make_shared<const Program>(std::move(made));
  remember(key, program);
  return program;
}

Result<Program> ProgramBuilder::compile(const ProgramLanguage& language, const std::string& text,
                                        const Extra& extra) {
  Program program;
  const std::string source = "/jail/" + language.file;
  for (const std::string& word : words_of(language.run)) {
    program.command.push_back(replace_all(replace_all(word, "{in}", source), "{out}", kOut));
  }
  if (language.compile.empty()) {
    program.files = {{source, text}};
    return program;
  }
  SandboxTask task;
  task.files = {{source, text}};
  task.with_proc = false;  // the text may not look for the words of our command
  std::string command =
      replace_all(replace_all(language.compile, "{in}", source), "{out}", "/tmp/out");
  command = replace_all(command, "{extra}", extra.text.empty() ? "" : "/tmp/extra.o");
  if (!extra.text.empty()) {
    task.files.push_back({"/jail/extra.c", extra.text});
    command = "gcc -O1 -w -c " + extra.flags + " -o /tmp/extra.o /jail/extra.c && " + command;
  }
  task.command = {"/usr/bin/sh", "-c", "{ " + command + "; } >&2 && exec cat /tmp/out"};
  task.limits = limits_;
  task.limits.output_kb = kProgramKb;
  R1_TRY(SandboxRun run, sandbox_.run(task));
  if (run.ok()) {
    program.files = {{kOut, std::move(run.out), true}};
  } else if (run.status == 127) {
    return fail("there is no compiler for {}: {}", language.file, run.err);
  } else {
    program.error = run.err.empty() || run.ending != Ending::kExited
                        ? describe_ending(run, task.limits)
                        : run.err.substr(0, 2000);
  }
  return program;
}

void ProgramBuilder::remember(const std::string& key, std::shared_ptr<const Program> program) {
  const std::scoped_lock lock(mutex_);
  if (!programs_.emplace(key, program).second) return;
  order_.push_back(key);
  n_bytes_ += size_of(*program);
  while (n_bytes_ > kCacheBytes && order_.size() > 1) {
    n_bytes_ -= size_of(*programs_[order_.front()]);
    programs_.erase(order_.front());
    order_.erase(order_.begin());
  }
}

}  // namespace r1
