/** The deeds of the outbox: their documents, and what a person must say with each. */
import { ask, SignedOut, Unreachable, Unwell } from "./api";
import * as gql from "./gql/graphql";
import type { Outcome } from "./outbox/rules";
import type { Word } from "./words";

/** What is asked for: a date, a code of a list, a choice, a text; with the input field it fills. */
export interface Question {
  field: string;
  kind: "date" | "datetime" | "code" | "choice" | "text" | "number";
  word: Word;
  needed: boolean;
  list?: string;
  options?: readonly string[];
  words?: string;
}

interface Deed {
  document: gql.TypedDocumentString<unknown, never>;
  questions: Question[];
  /** How the button looks: what helps, what refuses. */
  tone: "main" | "plain" | "danger";
}

const reason = (needed: boolean): Question => ({
  field: "reason",
  kind: "text",
  word: "ask.reason",
  needed,
});

function deed(document: unknown, tone: Deed["tone"], ...questions: Question[]): Deed {
  return { document: document as Deed["document"], tone, questions };
}

export const DEEDS: Record<string, Deed> = {
  acceptReferral: deed(gql.AcceptReferralDocument, "main", {
    field: "plannedOn",
    kind: "date",
    word: "ask.plannedOn",
    needed: true,
  }),
  rejectReferral: deed(
    gql.RejectReferralDocument,
    "danger",
    {
      field: "code",
      kind: "code",
      list: "referral_reject_reason",
      word: "ask.rejectCode",
      needed: true,
    },
    reason(false),
  ),
  startReferral: deed(gql.StartReferralDocument, "main"),
  completeReferral: deed(
    gql.CompleteReferralDocument,
    "main",
    { field: "outcome", kind: "code", list: "outcome", word: "ask.outcome", needed: true },
    reason(false),
  ),
  confirmOutcome: deed(gql.ConfirmOutcomeDocument, "main", {
    field: "contactedOn",
    kind: "date",
    word: "ask.contactedOn",
    needed: true,
  }),
  acceptPledge: deed(gql.AcceptPledgeDocument, "main"),
  rejectPledge: deed(gql.RejectPledgeDocument, "danger", reason(true)),
  releasePledge: deed(gql.ReleasePledgeDocument, "plain"),
  keepPledge: deed(gql.KeepPledgeDocument, "plain", reason(true)),
  acknowledgeDelivery: deed(gql.AcknowledgeDeliveryDocument, "main", {
    field: "method",
    kind: "choice",
    options: ["SIGNATURE", "VOICE", "GUARDIAN", "WITNESSED", "OTP"],
    words: "acknowledgement",
    word: "ask.method",
    needed: true,
  }),
  disputeDelivery: deed(gql.DisputeDeliveryDocument, "danger", reason(true)),
  readFeedback: deed(gql.ReadFeedbackDocument, "main"),
  handleFeedback: deed(gql.HandleFeedbackDocument, "main", reason(true)),
  verifyNeed: deed(gql.VerifyNeedDocument, "main", {
    field: "evidence",
    kind: "text",
    word: "ask.evidence",
    needed: true,
  }),
  returnNeed: deed(gql.ReturnNeedDocument, "plain", reason(true)),
  rejectNeed: deed(gql.RejectNeedDocument, "danger", reason(true)),
  triageReport: deed(gql.TriageReportDocument, "main"),
  recordFirstContact: deed(gql.RecordFirstContactDocument, "main"),
  verifyReport: deed(
    gql.VerifyReportDocument,
    "main",
    { field: "visitedAt", kind: "datetime", word: "ask.visitedAt", needed: true },
    { field: "findings", kind: "text", word: "ask.findings", needed: true },
  ),
  performVisit: deed(gql.PerformVisitDocument, "main"),
  recordVisit: deed(gql.RecordVisitDocument, "main"),
  updateVisit: deed(gql.UpdateVisitDocument, "main"),
  submitAcceptance: deed(gql.SubmitAcceptanceDocument, "main"),
  requestPicture: deed(gql.RequestPictureDocument, "main"),
  rescheduleVisit: deed(
    gql.RescheduleVisitDocument,
    "plain",
    { field: "days", kind: "number", word: "ask.days", needed: true },
    reason(true),
  ),
  excuseVisit: deed(gql.ExcuseVisitDocument, "plain", reason(true)),
  missVisit: deed(gql.MissVisitDocument, "plain", reason(true)),
  answerDanger: deed(gql.AnswerDangerDocument, "main", reason(true)),
  verifyVisit: deed(gql.VerifyVisitDocument, "main", {
    field: "how",
    kind: "choice",
    options: ["PHONE", "SECOND_VISIT", "DOCUMENTS", "ACCOMPANIED"],
    words: "check",
    word: "ask.how",
    needed: true,
  }),
  createCaseNote: deed(gql.CreateCaseNoteDocument, "main"),
  adoptEdit: deed(gql.AdoptEditDocument, "main"),
  setEditAside: deed(gql.SetEditAsideDocument, "plain"),
  signCaseNote: deed(gql.SignCaseNoteDocument, "main"),
  createAssessment: deed(gql.CreateAssessmentDocument, "main"),
  completeAssessment: deed(gql.CompleteAssessmentDocument, "main"),
  countersignAssessment: deed(gql.CountersignAssessmentDocument, "main"),
  approvePlan: deed(gql.ApprovePlanDocument, "main"),
  returnPlan: deed(gql.ReturnPlanDocument, "plain", reason(true)),
  beginAssessment: deed(gql.BeginAssessmentDocument, "main"),
  beginPlanning: deed(gql.BeginPlanningDocument, "main"),
  closeCase: deed(gql.CloseCaseDocument, "main"),
  createReferral: deed(gql.CreateReferralDocument, "main"),
  sendReferral: deed(gql.SendReferralDocument, "main"),
  submitVolunteerTask: deed(gql.SubmitVolunteerTaskDocument, "main"),
  publishVolunteerTask: deed(gql.PublishVolunteerTaskDocument, "main"),
  returnVolunteerTask: deed(gql.ReturnVolunteerTaskDocument, "plain", reason(true)),
  openRecruitment: deed(gql.OpenRecruitmentDocument, "main"),
  startVolunteerTask: deed(gql.StartVolunteerTaskDocument, "main"),
  endVolunteerTask: deed(gql.EndVolunteerTaskDocument, "main"),
  confirmTaskHours: deed(gql.ConfirmTaskHoursDocument, "main"),
  closeVolunteerTask: deed(gql.CloseVolunteerTaskDocument, "plain"),
  cancelVolunteerTask: deed(gql.CancelVolunteerTaskDocument, "danger", reason(true)),
  confirmSignup: deed(gql.ConfirmSignupDocument, "main"),
  declineSignup: deed(gql.DeclineSignupDocument, "plain", reason(true)),
  markNoShow: deed(gql.MarkNoShowDocument, "plain"),
  checkIn: deed(gql.CheckInDocument, "main"),
  checkOut: deed(gql.CheckOutDocument, "main"),
};

/** Deeds that have a screen of their own, so no button of a list does them. */
export const ON_SCREENS = new Set(["performVisit", "updateVisit", "completeAssessment", "createAssessment"]);

interface Told {
  deed:
    | { __typename: "Refusal"; code: string; message: string; details?: unknown }
    | { __typename: string; id?: string; state?: string; version?: number };
}

/** Sends a deed; whatever happens is an outcome. */
export async function send(name: string, input: Record<string, unknown>): Promise<Outcome> {
  const known = DEEDS[name];
  if (!known) {
    return { kind: "unwell", trouble: { code: "DOCUMENT_UNKNOWN", message: name }, wait: 600_000 };
  }
  try {
    const { deed: told } = (await ask(known.document as never, { input } as never)) as Told;
    if ("code" in told) {
      const { code, message, details } = told;
      return { kind: "refused", trouble: { code, message, details } };
    }
    const { __typename: _, ...answer } = told as { __typename: string };
    return { kind: "done", answer };
  } catch (error) {
    return told(error);
  }
}

/** Whatever a call threw, as an outcome. */
export function told(error: unknown): Outcome {
  if (error instanceof Unreachable) return { kind: "unreachable" };
  if (error instanceof SignedOut) return { kind: "signedOut" };
  if (!(error instanceof Unwell)) {
    return { kind: "unwell", trouble: { code: "INTERNAL", message: String(error) } };
  }
  const trouble = { code: error.code, message: error.message };
  const passing = error.status >= 500 || [408, 429].includes(error.status);
  if (passing || error.code === "INTERNAL" || error.code === "DOCUMENT_UNKNOWN") {
    return { kind: "unwell", trouble, wait: error.wait };
  }
  return { kind: "refused", trouble };
}
