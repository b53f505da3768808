"""What each OAuth scope opens: the types whose rows may be read, and the mutations.

Everything of the schema is in this table or in one of the two lists below it; a test holds that.
"""

from nexus.graph.scopes import ScopeTable

_NEEDS = (
    *("Need", "NeedEvent", "NeedLine", "Tranche", "Relaxation"),
    *("Gap", "GapCell", "GapCount", "GapReport", "MatchReason", "MatchSuggestion"),
)
_OFFERS = ("CharityProject", "Offer", "ServedArea")
_PLEDGES = (
    *("AlreadyHelped", "HelpOverride"),
    *("Allocation", "AllocationMove", "AuthorityReply", "Delivery", "Feedback", "Pledge"),
)
_REFERRALS = ("Referral", "ReferralEvent", "ReferralLine")
_RECIPIENTS = (
    *("Consent", "ConsentReceiver", "Household", "Recipient", "DuplicateSuspicion"),
    *("Recognition", "RecognitionEvent"),
)

_DISCOVERY = (
    *("CustodyStep", "DiscoveryEvent", "DiscoveryReport", "HotlineReply", "MissingNotice"),
    "SimilarReport",
)

_VOLUNTEERS = (
    *("GuardianConsent", "RosterEntry", "Signup", "TaskPosition", "Team", "TeamMembership"),
    *("Volunteer", "VolunteerTask", "CheckIn", "ServiceRecord", "ServiceRecordEvent"),
    *("Certificate", "CertificateEvent", "CertificateLine", "HoursBooking", "TaskLink"),
    *("TaskSuggestion", "VolunteerSuggestion"),
)

_CASES = (
    *("Assessment", "Instrument", "ProposedMeasure"),
    *("Case", "CaseEvent", "CaseLoad", "CasePlan", "CaseStep", "Goal", "PlanReview"),
    *("CaseEvaluation", "CaseParticipant", "ContactAttempt", "SelfApproval"),
    *("CaseConference", "ConferenceDecision", "ConferenceException", "ConferenceParty"),
)

_VISITS = (
    *("Visit", "VisitPlan", "ChangeReport", "VisitCoverage", "VisitCoverageCell"),
    *("Pairing", "PairingContact", "Contribution", "ContributionTotal", "ContributionTotals"),
)

_PURCHASES: tuple[str, ...] = (
    *("BudgetAdjustment", "BudgetEntry", "BudgetJournal", "BudgetLine", "BudgetLineEvent"),
    *("BudgetLineItem", "Invoice", "Payment", "PaymentEvent"),
    *("Procurement", "ProcurementItem", "ProcurementGap", "GapProcurement", "Bid", "Award"),
    *("SupplierList", "SupplierListItem", "SupplierAdmission", "SupplierStanding"),
    *("Contract", "ContractItem", "ContractTarget", "ContractAmendment", "Milestone"),
    *("EvaluationScheme", "SchemeBody", "SchemeGrade", "SchemeIndicator", "Evaluation"),
    *("EvaluationEvent", "EvaluationScore", "EvaluationAddendum", "Rectification"),
    *("ClientVoice", "EvaluationSample", "SampleItem"),
    *("ServiceFact", "ItemProgress", "TargetProgress", "Acceptance", "AcceptanceEvent"),
    *("AcceptanceLine", "AcceptanceDeduction", "AcceptedFact"),
)

OPENS: dict[str, tuple[str, ...]] = {
    "purchases:read": _PURCHASES,
    "needs:read": _NEEDS,
    "needs:write": (
        *_NEEDS,
        *("createNeed", "updateNeed", "addNeedLine", "removeNeedLine", "changeQuantity"),
        *("submitNeed", "pauseNeed", "resumeNeed", "closeNeed", "reopenNeed", "cancelNeed"),
        *("acknowledgeGap", "addressGap", "waiveGap", "planGapPurchase"),
    ),
    "discovery:read": _DISCOVERY,
    "discovery:write": (
        *_DISCOVERY,
        *("createDiscoveryReport", "recordHotlineTicket", "recordFirstContact", "flagDanger"),
        *("triageReport", "assignReport", "markDuplicate", "recordMissingMaterial"),
        *("transferReport", "takeOverReport", "refuseTransfer", "recallTransfer"),
    ),
    "cases:read": _CASES,
    "cases:write": (
        *_CASES,
        *("createAssessment", "updateAssessment", "createCase", "updateCase", "beginAssessment"),
        *("createPlan", "updatePlan", "submitPlan", "settleGoal", "reviewPlan", "evaluateCase"),
        *("addCaseParticipant", "endParticipation", "recordContactAttempt", "holdCase"),
        *("resumeCase", "conveneConference", "inviteParties", "linkNeedToCase"),
    ),
    "visits:read": _VISITS,
    "visits:write": (
        *_VISITS,
        *("planVisits", "changeVisitPlan", "recordVisit", "performVisit", "updateVisit"),
        *("missVisit", "rescheduleVisit", "reportChange"),
        *("startPairing", "recordPairingContact", "recordContribution"),
    ),
    "offers:read": _OFFERS,
    "offers:write": (
        *_OFFERS,
        *("createProject", "updateProject", "fileProject", "recordProjectFunds", "startProject"),
        *("pauseProject", "resumeProject", "completeProject", "discloseProject"),
        *("archiveProject", "cancelProject"),
        *("createOffer", "updateOffer", "setCapacity", "setOfferAreas", "listOffer"),
        *("pauseOffer", "resumeOffer", "withdrawOffer", "confirmOffer"),
    ),
    "pledges:read": _PLEDGES,
    "pledges:write": (
        *_PLEDGES,
        *("offerPledge", "acceptPledge", "rejectPledge", "withdrawPledge", "requestRelease"),
        *("releasePledge", "keepPledge", "pledgeStationHelp"),
        *("recordDelivery", "acknowledgeDelivery", "disputeDelivery"),
        *("giveFeedback", "readFeedback", "handleFeedback"),
    ),
    "referrals:read": _REFERRALS,
    "referrals:write": (
        *_REFERRALS,
        *("createReferral", "sendReferral", "recallReferral", "referOnward", "reopenReferral"),
        *("acceptReferral", "rejectReferral", "startReferral", "completeReferral"),
        *("failReferral", "holdReferral", "resumeReferral"),
    ),
    "recipients:read": _RECIPIENTS,
    "recipients:write": (
        *_RECIPIENTS,
        *("createHousehold", "updateHousehold", "createRecipient", "updateRecipient"),
        "moveRecipient",
        *("recordRecognition", "prolongRecognition", "reviewRecognition", "upholdRecognition"),
        *("taperRecognition", "suspendRecognition", "reinstateRecognition", "endRecognition"),
        *("markRecognitionError", "changeRecheckClass"),
        *("recordConsent", "grantConsent", "refuseConsent", "withdrawConsent"),
        *("supersedeConsent", "confirmConsent"),
    ),
    "obligations:read": ("Obligation",),
    "obligations:write": ("Obligation", "dischargeObligation"),
    "attestations:read": ("Attestation", "AttestationEvent"),
    "organizations:write": (
        *("createOrganization", "updateOrganization", "submitOrganization", "addQualification"),
    ),
    "worklists:read": ("Worklist", "WorkItem", "WorkCount", "CoordinationPack", "MeetingItem"),
    "chains:read": ("AssistanceChain", "AssistanceStep"),
    "changes:read": ("Change", "ChangeFeed", "ChangeKind"),
    "reports:read": ("Export", "requestExport", "ReportSnapshot", "freezeReport"),
    "imports:write": (
        *("ImportProfile", "ImportRun", "Upload"),
        *("requestUpload", "importUploaded", "registerImportProfile"),
    ),
    "messages:write": (
        *("ExchangeMessage", "ExchangePartner"),
        *("acknowledgeMessages", "receiveMessage"),
    ),
    "volunteers:read": _VOLUNTEERS,
    "volunteers:write": (
        *_VOLUNTEERS,
        *("registerVolunteer", "updateVolunteer", "recordTraining", "leaveVolunteering"),
        *("recordGuardianConsent", "withdrawGuardianConsent"),
        *("createTeam", "addTeamMember", "endTeamMembership"),
        *("createVolunteerTask", "updateVolunteerTask", "submitVolunteerTask", "changeSlots"),
        *("openRecruitment", "startVolunteerTask", "endVolunteerTask", "closeVolunteerTask"),
        *("cancelVolunteerTask", "AttendanceCode", "attendanceCode"),
        *("signUp", "confirmSignup", "declineSignup", "cancelSignup"),
        *("markAttended", "markNoShow"),
        *("checkIn", "checkOut", "recordHours", "importHours", "correctHours", "disputeHours"),
        *("prepareCertificate", "dropCertificate", "linkTask", "unlinkTask"),
    ),
    "webhooks:write": (
        *("WebhookDelivery", "WebhookEndpoint", "IssuedWebhookSecret"),
        *("createWebhookEndpoint", "updateWebhookEndpoint", "pauseWebhookEndpoint"),
        *("resumeWebhookEndpoint", "deleteWebhookEndpoint", "rotateWebhookSecret"),
        *("redeliverWebhook", "redeliverFailed"),
    ),
}

FREE = frozenset(
    {
        *("Area", "AssistanceStandard", "CodeEntry", "Parameter"),
        *("CatalogueItem", "CatalogueItemEvent"),
        *("Organization", "Qualification", "Station", "Worker"),
        *("OpeningSchedule", "TrainingRecord", "VisitChecklist"),
        *("EmergencyArea", "EmergencyEvent", "EmergencyPeriod"),
        *("StateMachine", "StateTransition"),
        *("AttestationCheck", "CertificateCheck"),
        *("ContractingDocument", "ContractingFinding", "ContractingProcess"),
        "Account",
    }
)
"""Open to every credential: reference data, the register, and who one is."""

FOR_PEOPLE = frozenset(
    {
        *("draftCatalogueItem", "publishCatalogueItem", "retireCatalogueItem"),
        *("draftBudgetLine", "amendBudgetLine", "approveBudgetLine", "adjustBudgetLine"),
        *("freezeBudgetLine", "unfreezeBudgetLine", "closeBudgetLine"),
        *("submitInvoice", "matchInvoice", "approveInvoice", "rejectInvoice", "requestPayment"),
        *("approvePayment", "executePayment", "reconcilePayment", "failPayment"),
        *("retryPayment", "reversePayment"),
        *("createSupplierList", "openSupplierList", "closeSupplierList", "endSupplierList"),
        *("applyToList", "admitSupplier", "refuseSupplier", "suspendSupplier"),
        *("reinstateSupplier", "withdrawApplication", "removeSupplier"),
        *("planProcurement", "reviseProcurement", "publishProcurement", "linkProcurementGap"),
        *("failProcurement", "cancelProcurement", "withdrawProcurement"),
        *("submitBid", "acceptBid", "disqualifyBid", "withdrawBid"),
        *("claimFact", "claimFacts", "withdrawFact", "submitAcceptance", "resubmitAcceptance"),
        *("reviewAcceptance", "checkSample", "acceptAcceptance", "acceptWithDeduction"),
        "rejectAcceptance",
        *("makeAward", "confirmAward", "refuseAward", "cancelAward"),
        *("drawUpContract", "signContract", "publishContract", "amendContract"),
        *("reassignContract", "suspendContract", "resumeContract", "completeContract"),
        *("terminateContract", "cancelContract", "failContract"),
        *("meetMilestone", "missMilestone"),
        *("AccessToken", "ApiClient", "ClientDocument", "ClientKey", "IssuedClientKey"),
        *("IssuedPassword", "Reveal", "RevealedIdentity", "SimilarRecipients"),
        *("createAccount", "resetPassword", "resetSecondFactor"),
        *("revokeAccessToken", "suspendAccount"),
        *("reinstateAccount", "closeAccount"),
        *("registerApiClient", "activateApiClient", "suspendApiClient", "reinstateApiClient"),
        *("revokeApiClient", "addClientKey", "retireClientKey", "setClientQuota"),
        *("setClientScopes", "restrictApiClient", "registerDocuments"),
        *("verifyOrganization", "rejectOrganization", "suspendOrganization"),
        *("reinstateOrganization", "deregisterOrganization"),
        *("createStation", "openStation", "pauseStation", "resumeStation", "closeStation"),
        *("postWorker", "endPosting", "setWorkerGrade"),
        *("recordWorkerTraining", "correctWorkerTraining"),
        *("completeAssessment", "countersignAssessment", "rejectCase", "beginPlanning"),
        *("beginIntervention", "beginEvaluation", "returnPlan", "approvePlan", "assignCase"),
        *("requestClosing", "declineClosing", "closeCase", "reopenCase", "referOutCase"),
        *("grantSelfApproval", "revokeSelfApproval", "CaseNote", "createCaseNote"),
        *("updateCaseNote", "signCaseNote", "amendCaseNote", "holdConference"),
        *("recordConferenceDecision", "grantConferenceException", "followUpConference"),
        *("closeConference", "cancelConference", "openCaseFromReport"),
        *("addOpeningSchedule", "endOpeningSchedule"),
        *("endVisitPlan", "excuseVisit", "cancelVisit", "verifyVisit", "answerDanger"),
        *("VisitPicture", "PictureView", "requestPicture", "openPicture", "removePicture"),
        *("Printout", "printPaper"),
        *("handleChange", "addVisitChecklist", "endPairing", "correctContribution"),
        *("IssuedExchangeSecret", "createExchangePartner", "updateExchangePartner"),
        *("rotateExchangeSecret", "pauseExchangePartner", "resumeExchangePartner"),
        *("closeExchangePartner", "replayMessage"),
        *("approveOffer", "blockOffer", "unblockOffer"),
        *("verifyNeed", "returnNeed", "rejectNeed", "publishNeed", "confirmNeedStillStands"),
        *("publishNeedProvisionally", "verifyNeedLater", "releaseTranche"),
        *("declareEmergency", "amendEmergency", "activateEmergency", "standDownEmergency"),
        *("endEmergency", "reviewEmergency"),
        *("upholdDelivery", "reverseDelivery", "verifyDelivery"),
        "overrideDuplicateHelp",
        *("similarRecipients", "suspectDuplicate", "proposeMerge", "mergeRecipients"),
        *("keepApart", "unmergeRecipients"),
        *("Alert", "acknowledgeAlert", "handleAlert", "resolveAlert", "dismissAlert"),
        *("reopenAlert", "waiveObligation"),
        *("confirmRecognition", "issueAttestation", "revokeAttestation"),
        *("recordIdentity", "findRecipientByIdNumber", "requestReveal", "openReveal"),
        *("confirmOutcome", "markReferralError", "requestReferralReveal", "openReferralReveal"),
        *("ContactReveal", "RevealedReporter", "SimilarReports", "requestReporter"),
        *("openReporter", "eraseReporter", "similarReports"),
        *("verifyReport", "dismissReport", "closeReport"),
        "eraseIdentity",
        *("verifyVolunteer", "activateVolunteer", "suspendVolunteer", "reinstateVolunteer"),
        *("joinRoster", "blockVolunteer", "unblockVolunteer", "dissolveTeam"),
        *("returnVolunteerTask", "publishVolunteerTask", "confirmTaskHours"),
        *("RevealedVolunteer", "requestVolunteerIdentity", "openVolunteerIdentity"),
        "eraseVolunteer",
        *("confirmHours", "approveHours", "approveLongDay", "rejectHours", "upholdHours"),
        *("revokeHours", "issueCertificate", "revokeCertificate"),
        *("CertificatePaper", "printCertificate"),
        *("createScheme", "changeScheme", "adoptScheme", "retireScheme"),
        *("OrganizationTie", "declareTie", "ClientFeedback", "giveClientFeedback"),
        *("planEvaluation", "startEvaluation", "scoreIndicator", "draftEvaluation"),
        *("openEvaluationResponse", "respondToEvaluation", "redraftEvaluation"),
        *("finalizeEvaluation", "publishEvaluation", "closeEvaluation", "commitSample"),
        *("drawSample", "voidSample", "recordSampleFinding", "askSampledClients"),
        *("answerClientFeedback", "declineClientFeedback", "missClientFeedback"),
        *("tallyClientVoice", "proposeAddendum", "releaseAddendum", "dropAddendum"),
        *("openRectification", "submitRectification", "sendBackRectification"),
        "verifyRectification",
        *("FieldEdit", "adoptEdit", "setEditAside", "Workset", "WorksetEntry"),
    }
)
"""Open to no scope: decisions that a person answers for, identity, and credentials themselves."""

SCOPE_TABLE = ScopeTable(OPENS, FREE)
