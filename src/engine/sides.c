#include "engine/sides.h"

#include <string.h>

#include "aws/side.h"
#include "aws/sts.h"
#include "base/err.h"
#include "engine/plan.h"

struct side *
sides_open(const struct plan_side *plan, const struct side_options *usual,
	   struct err *err)
{
	struct side_options o = *usual;

	if (plan != NULL && plan->profile != NULL)
		o.profile = plan->profile;
	if (plan != NULL && plan->region != NULL)
		o.region = plan->region;
	if (plan != NULL && plan->role_arn != NULL)
		o.role_arn = plan->role_arn;
	if (plan != NULL && plan->endpoint_url != NULL)
		o.endpoint_url = plan->endpoint_url;
	return side_open(&o, err);
}

int
sides_check_account(struct side *s, const struct plan_side *plan,
		    struct err *err)
{
	struct sts_identity i = { 0 };
	int rc = 0;

	if (plan == NULL || plan->account == NULL)
		return 0;
	rc = side_identity(s, &i, err);
	if (rc != 0)
		err_at(err, "which account this is cannot be told");
	else if (strcmp((const char *)i.account.ptr, plan->account) != 0)
		rc = err_set(err, ERR_REFUSED, "the credentials are of account "
			     "%s (%.200s), and the plan says account %s",
			     (const char *)i.account.ptr,
			     (const char *)i.arn.ptr, plan->account);
	sts_identity_free(&i);
	return rc;
}
