/* service_internal.h - what an answer means. */
#ifndef AWS_SERVICE_INTERNAL_H
#define AWS_SERVICE_INTERNAL_H

struct service_call;

enum service_fault {
	FAULT_NONE,
	FAULT_FINAL,		/* no, and it stays at that */
	FAULT_PASSING,		/* the service or the way there has a problem */
	FAULT_THROTTLE,		/* too much was asked at once */
	FAULT_KEYS,		/* the credentials have expired */
	FAULT_CLOCK,		/* signed at a time that is not now */
};

/* Look at a call that is finished; sets its code and why. */
enum service_fault service_judge(struct service_call *c);

#endif
