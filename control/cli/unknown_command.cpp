#include "control/cli/unknown_command.h"

#include "control/yaml/fields.h"

namespace sallyport::cli {

std::optional<std::string> unknown_command(CLI::App& root, const std::vector<std::string>& arguments) {
    const CLI::App* app = &root;
    for (const auto& word : arguments) {
        const auto commands = app->get_subcommands([](const CLI::App*) { return true; });
        if (commands.empty() || word.starts_with('-')) return std::nullopt;
        std::vector<std::string> names;
        const CLI::App* next = nullptr;
        for (const auto* command : commands) {
            names.push_back(command->get_name());
            if (command->get_name() == word) next = command;
        }
        if (next == nullptr) {
            const auto guess = yaml::nearest(word, names);
            return "there is no command \"" + word + '"' + (guess ? "; did you mean \"" + *guess + "\"?" : "");
        }
        app = next;
    }
    return std::nullopt;
}

}  // namespace sallyport::cli
