#include "media-plane/app/options.h"

#include <CLI/CLI.hpp>

namespace sallyport::media::app {

ParsedOptions parse_options(int argc, char** argv) {
    ParsedOptions parsed;
    CLI::App cli{"Media plane of the Sallyport session border controller: relays RTP and SRTP with DPDK.",
                 "sallyport-media"};
    cli.add_option("-c,--config", parsed.options.config_file, "configuration file (YAML)")
        ->default_val("/etc/sallyport/media.yaml")
        ->type_name("FILE");
    cli.add_flag("--check-config", parsed.options.check_config, "read the configuration, say what is wrong, and exit");
    cli.set_version_flag("--version", "sallyport-media " SALLYPORT_VERSION);
    cli.footer("Exit code: 0 ended on request, 1 could not start, 2 wrong usage or configuration.");
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = cli.exit(error);
        parsed.exit_code = code == 0 ? 0 : 2;
    }
    return parsed;
}

}  // namespace sallyport::media::app
