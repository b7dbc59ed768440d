/* GitLab's container registry: a fork of Distribution, which sends the same envelopes to the endpoints that
 * its own configuration lists (self-managed GitLab only).
 * https://docs.gitlab.com/administration/packages/container_registry/#configure-container-registry-notifications
 */
#include "registry.h"

const dd_sender dd_sender_gitlab_registry = {
    .kind = "gitlab-registry",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .media_types = dd_distribution_media_types,
    .normalise = dd_distribution_normalise,
    .check = dd_registry_check,
};
