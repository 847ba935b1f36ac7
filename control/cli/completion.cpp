#include "control/cli/completion.h"

namespace sallyport::cli {
namespace {

std::string words_of(const CLI::App& app) {
    std::string words;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        words += command->get_name() + ' ';
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames()) words += "--" + name + ' ';
    if (!words.empty()) words.pop_back();
    return words;
}

void add_cases(const CLI::App& app, const std::string& path, std::string& out) {
    out += "    \"" + path + "\") words=\"" + words_of(app) + "\" ;;\n";
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        add_cases(*command, path.empty() ? command->get_name() : path + ' ' + command->get_name(), out);
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
    std::string cases;
    add_cases(root, "", cases);
    return R"(# bash completion of sallyport: source <(sallyport completion bash)
_sallyport_words() {
  case "$1" in
)" + cases +
           R"(    *) return 1 ;;
  esac
}
_sallyport() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" i
  case "$previous" in
    -f|--file|--ca|--cert|--key) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${COMP_WORDS[i]}" in -*) continue ;; esac
    local longer="${path:+$path }${COMP_WORDS[i]}"
    if _sallyport_words "$longer"; then path="$longer"; fi
  done
  _sallyport_words "$path"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _sallyport sallyport
)";
}

}  // namespace sallyport::cli
