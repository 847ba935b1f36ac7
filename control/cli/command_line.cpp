#include "control/cli/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>
#include <thread>

#include "control/cli/command_tree.h"
#include "control/cli/completion.h"
#include "control/cli/unknown_command.h"

namespace sallyport::cli {
namespace {

void print_failure(std::ostream& err, const Failure& failure) {
    err << "sallyport: " << failure.sentence << '\n';
    if (failure.violations.size() < 2) return;  // the one is in the sentence
    for (const auto& [field, text] : failure.violations)
        err << "  " << (field.empty() ? "" : field + ": ") << text << '\n';
}

int run_once(const CommandTree& line, Session& session) {
    try {
        return line.command()(session);
    } catch (const Failure& failure) {
        print_failure(session.err, failure);
        return Exit::refused;
    }
}

// Until Ctrl-C, also while control is away: the operator watches it come back. What is wrong for good ends it, as it
// would the command alone.
int run_again_and_again(const CommandTree& line, double seconds, Session& session) {
    for (;;) {
        std::ostringstream page;
        Session one{session.client, session.json, session.in, page, page};
        try {
            line.command()(one);
        } catch (const Failure& failure) {
            print_failure(failure.may_pass && !session.json ? page : session.err, failure);
            if (!failure.may_pass) return Exit::refused;
        }
        if (!session.json) session.out << "\x1b[H\x1b[2J";
        session.out << page.str() << std::flush;
        if (!session.out) return Exit::refused;
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    }
}

}  // namespace

int run(std::vector<std::string> arguments, std::istream& in, std::ostream& out, std::ostream& err) {
    CommandTree line;
    if (const auto unknown = unknown_command(line.app(), arguments)) {
        err << "sallyport: " << *unknown << "\nRun with --help for the commands and examples.\n";
        return Exit::usage;
    }
    if (arguments.empty()) {
        err << "sallyport: which command? Run with --help for the commands and examples.\n";
        return Exit::usage;
    }
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a stack
    try {
        line.app().parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
        return line.app().exit(e, out, err) == 0 ? Exit::done : Exit::usage;
    }
    if (line.wants_completion()) {
        out << bash_completion(line.app());
        return Exit::done;
    }
    try {
        if (line.local_command()) return line.local_command()(line.json(), out);
        auto connection = line.connection();
        connection.complete();
        Client client(connection);
        Session session{client, line.json(), in, out, err};
        const double seconds = line.watch_seconds(&out == &std::cout && isatty(STDOUT_FILENO) == 1);
        return seconds > 0 ? run_again_and_again(line, seconds, session) : run_once(line, session);
    } catch (const Failure& failure) {
        print_failure(err, failure);
        return Exit::refused;
    }
}

}  // namespace sallyport::cli
