#include "control/cli/completion.h"

namespace sallyport::cli {
namespace {

void add_words(const CLI::App& app, const std::string& path, std::string& cases) {
    std::string words;
    for (const auto* sub : app.get_subcommands({})) words += sub->get_name() + ' ';
    for (const auto* option : app.get_options({}))
        for (const auto& name : option->get_lnames()) words += "--" + name + ' ';
    cases += "        '" + path + "') words='" + words + "' ;;\n";
    for (const auto* sub : app.get_subcommands({}))
        add_words(*sub, path + (path.empty() ? "" : " ") + sub->get_name(), cases);
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
    std::string cases;
    add_words(app, "", cases);
    return "# Completion for sallyport; use: source <(sallyport completion bash)\n"
           "_sallyport() {\n"
           "    local path='' word words=''\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
           "    done\n"
           "    case \"$path\" in\n" +
           cases +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "complete -o default -F _sallyport sallyport\n";
}

}  // namespace sallyport::cli
