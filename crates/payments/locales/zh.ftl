## 付款状态
state-created = 待付款
state-held = 已预授权
state-paid = 已付款
state-challenged = 已暂停
state-review = 人工复核中
state-declined = 未通过
state-part-refunded = 部分退款
state-refunded = 已退款
state-cancelled = 已取消
state-expired = 已过期

## 收款码的状态和种类
code-open = 可用
code-used = 已使用
code-expired = 已过期
code-withdrawn = 已撤回
code-kind-dynamic = 订单码
code-kind-static = 固定码

## 审核结果
outcome-allow = 放行
outcome-challenge = 请付款人确认
outcome-review = 转人工复核
outcome-block = 拒绝

## 买家处处可见
shop-verified = 身份已核实
pay-order = 订单
pay-terminal = 收银台
pay-method = 付款方式
pay-payer = 付款人
pay-shop = 商家
pay-amount = 金额
pay-time = 时间
pay-state = 状态
pay-reference = 交易编号
pay-balance-left = 可用 { $amount }

## 付款页
pay-title = 向{ $shop }付款
pay-button = 向{ $shop }付款 { $amount }
pay-open-until = 此码 { $minutes } 分钟内有效。
pay-open-hours = 此码 { $hours } 小时内有效。
pay-cancel = 不付了
pay-amount-title = 付多少？
pay-amount-label = 金额（{ $currency }）
pay-amount-note = 用途
pay-amount-note-hint = 商家可以看到，可不填。
pay-amount-button = 继续

## 买家登录

## 支付密码
pin-title = 请输入支付密码
pin-button = 付款 { $amount }

## 确认本人
challenge-title = 是您本人在付款吗？
challenge-text = 为确认是您本人，这笔付款已暂停。尚未扣款。
challenge-device = 设备
challenge-place = 地点
challenge-pin = 如是本人，请输入支付密码
challenge-yes = 是我，向{ $shop }付款 { $amount }
challenge-no = 不是我，停止付款

## 等待复核
wait-title = 请稍候
wait-text = { $shop }正在查看这笔付款。尚未扣款。您可以停留在此页，也可以稍后再来。
wait-since = 开始等待
wait-cancel = 取消付款

## 结果和收据
receipt-title-paid = 付款成功
receipt-text-paid = { $shop }已收到您的付款。
receipt-title-held = 已预授权
receipt-text-held = 发货时{ $shop }才会扣款。
receipt-title-challenged = 已暂停
receipt-text-challenged = 等待您的确认。尚未扣款。
receipt-title-review = 复核中
receipt-text-review = { $shop }正在查看这笔付款。尚未扣款。
receipt-title-declined = 未付款
receipt-text-declined = 这笔付款没有完成。没有任何扣款。
receipt-title-part-refunded = 已部分退款
receipt-text-part-refunded = { $shop }已退回部分款项。
receipt-title-refunded = 已退款
receipt-text-refunded = { $shop }已退回全部款项。
receipt-title-cancelled = 已取消
receipt-text-cancelled = 这笔付款已取消。没有任何扣款。
receipt-title-expired = 已过期
receipt-text-expired = 付款时间已过。没有任何扣款。
receipt-title-created = 尚未付款
receipt-text-created = 没有任何扣款。
receipt-refunded = 已退
receipt-not-me = 这不是我付的
receipt-try-again = 重试
receipt-done = 完成
receipt-proof = 收据证明
receipt-proof-pending = 已写入无法暗中修改的日志，证明数秒后生成，请刷新本页。
receipt-proof-ready = 位于无法暗中修改的日志第 { $entry } 条，封存时共 { $size } 条。
receipt-proof-leaf = 指纹
receipt-proof-root = 封印
receipt-proof-download = 下载证明

## 无法付款的码
code-used-title = 此码已付款
code-used-text = 每个码只能付一次，这个码已经用过，您没有被重复扣款。如需再付，请向商家索要新码。
code-expired-title = 此码已过期
code-expired-text = 为了您的安全，收款码有时限。没有任何扣款。请向商家索要新码。
code-altered-title = 这不是我们的码
code-altered-text = 它在生成后被改动过，或者根本不是 Tillward 的收款码。没有任何扣款。请勿使用，并告知商家。
code-other-shop-title = 此码属于另一家店
code-other-shop-text = 它不是您正在付款的商家生成的。没有任何扣款。请向商家索要正确的码。
code-withdrawn-title = 商家已撤回此码
code-withdrawn-text = 没有任何扣款。请向商家索要新码。
code-own-shop-title = 这是您自己的店
code-own-shop-text = 店铺不能向自己付款。没有任何扣款。
short-balance-title = 余额不足
short-balance-text = 没有任何扣款。请充值后重新扫码。
notice-receipt = 查看收据

## 商家后台
nav-overview = 概览
nav-payments = 付款
nav-codes = 收款码
nav-reviews = 复核
nav-refunds = 退款

overview-title = 概览
overview-today = 今日收款
overview-count = { $n ->
    [0] 还没有付款
   *[other] { $n } 笔付款
}
overview-than-before = 上周同一时刻 { $amount }
overview-first-week = 暂无可比数据
overview-needs = 需要您处理
overview-needs-nothing = 没有待办，喝杯茶吧。
overview-live = 实时付款
overview-live-word = 实时
overview-live-none-title = 还没有付款
overview-live-none-text = 出示收款码，第一笔付款会自动出现在这里。
overview-show-code = 出示收款码
overview-all = 全部付款
overview-trust = 账目可信吗？
overview-books-balanced = 账目分毫不差
overview-books-broken = 账目不平：请立即联系支持
overview-log-sealed = 日志共 { $n } 条，最近封存于
overview-log-never = 日志尚未封存
overview-need-reviews = { $n } 笔付款等待您复核
overview-need-risk = 涉及 { $amount }
chart-outcomes-note = 过去 24 小时每小时的付款笔数，{ $zone } 时间
chart-hour = 小时
chart-quiet = 过去 24 小时没有付款
chart-all-well = { $n } 笔付款成功，没有拦截
chart-some-stopped = { $paid } 笔付款成功，{ $stopped } 笔被拦截
chart-burst = { $hour } 拦截了一波异常：一小时内拒绝 { $n } 笔
chart-paid = 成功
chart-waiting = 待确认或复核
chart-declined = 拒绝

payments-title = 付款
payments-search = 搜索
payments-search-hint = 编号、订单或金额
payments-state = 状态
payments-any = 全部
payments-from = 从
payments-to = 到
payments-filter = 查询
payments-clear = 清除
payments-export = 导出 CSV
payments-none-title = 没有符合的付款
payments-none-text = 换个关键词，或放宽时间范围。
col-time = 时间
col-amount = 金额
col-payer = 付款人
col-order = 订单
col-id = 编号
col-reason = 原因

payment-title = 付款 { $amount }
payment-timeline = 经过
payment-decision = 审核决定
payment-score = 欺诈可能性
payment-reasons = 主要原因
payment-no-reasons = 没有异常。
payment-buyer-was-told = 告知买家的内容
payment-rules = 规则 { $rules } · 模型 { $model }
payment-features = 与该付款人平时相比
payment-no-features = 这位付款人第一次来，还没有平时的数据。
payment-similar = 相似付款
payment-ledger = 账目分录
payment-ledger-none = 没有资金变动，因此没有分录。
payment-ledger-account = 科目
payment-ledger-debit = 借
payment-ledger-credit = 贷
payment-ledger-sum = 合计
payment-proof = 日志证明
payment-proof-entry = 条目
payment-proof-pending = 已写入，数秒后由下一次封存覆盖。
payment-details = 详情
payment-device = 设备
payment-address = 网络地址
payment-code = 收款码
payment-refund-title = 退款
payment-refund-amount = 退款金额
payment-refund-left = 还可退 { $amount }。
payment-refund-reason = 原因
payment-refund-password = 输入您的密码以确认
payment-refund-button = 退款……
refund-title = 向{ $payer }退款 { $amount }？
refund-button = 退款 { $amount } 给{ $payer }
refund-keep = 不退了
refund-left-after = 退款后剩余
payment-refund-consequence = 款项立即从您的余额退回给{ $payer }，无法撤销。
payment-cancel = 取消这笔付款
payment-cancel-consequence = 买家将无法再支付。不会有资金变动。

refunds-title = 退款
refunds-none-title = 还没有退款
refunds-none-text = 打开一笔付款并选择金额即可退款。
refunds-by = 操作人
refunds-limit = 一个人最多可退回每笔付款中的 { $amount }；超出部分须由第二个人同意。
refund-over = 已超出一个人可退的 { $amount }。店内若有其他可退款的成员，须等待第二个人同意，同意之时退款。
refund-limit-title = 一个人可退多少
refund-limit-change = 修改限额……
refund-limit-text = 每笔付款由一个人最多可退 { $amount }。同一笔付款的退款合计超出后，须由第二个人同意。
refund-limit-amount = 新限额
refund-limit-hint = 填 0 则每次退款都须两个人。
refund-limit-button = 设定限额
refund-limit-back = 返回退款
refund-limit-waits = 提高限额须等待第二个人同意，同意之时生效。
refunds-payment = 付款

codes-title = 收款码
codes-new = 新建收款码
codes-none-title = 还没有收款码
codes-none-text = 为订单生成一个，或为柜台生成固定码。
codes-kind = 种类
codes-label = 用于
codes-payments = 付款笔数
code-new-title = 新建收款码
code-new-kind = 用于什么？
code-new-kind-dynamic = 一笔订单：金额固定，只付一次，自动过期
code-new-kind-static = 柜台：买家输入金额，可多次付款
code-new-amount = 金额（{ $currency }）
code-new-amount-hint = 固定码请留空。
code-new-line = 订单说明
code-new-line-hint = 买家会看到，例如“龙井两罐”。
code-new-order = 您的订单号
code-new-minutes = 有效期
code-new-minutes-choice = { $n } 分钟
code-new-button = 生成
code-title = 扫码向{ $shop }付款
code-scan = 用手机相机扫码
code-any-amount = 金额由您输入
code-ends = 到期
code-print = 打印
code-print-page = 打印页
code-svg = SVG 图片
code-png = PNG 图片
code-link = 码中链接
code-emv = EMVCo 文本
code-withdraw = 撤回此码
code-withdraw-consequence = 之后无人能用它付款。
code-paid-by = { $payer }已付款
code-open-payment = 查看付款
code-waiting = 等待买家
code-scanned = 买家正在查看
code-print-tip = 请不时检查，以防有人在上面贴了别的码。

reviews-title = 复核
reviews-none-title = 没有待复核的付款
reviews-none-text = 需要再看一眼的付款会自动出现在这里。
reviews-choose-title = 请选择一笔付款
reviews-choose-text = 原因和历史会显示在这里。
reviews-due = 处理期限
reviews-late = 已超时，期限
reviews-approve = 通过：{ $payer }付款 { $amount }
reviews-decline = 拒绝：不扣款
reviews-note = 备注（写入日志）
reviews-note-hint = 说明理由，供同事和审计人员查阅。
reviews-keys-move = 移动
reviews-keys-decide = 连按两次即通过或拒绝
reviews-open = 查看付款

## 买家的其他页面
me-title = 我的付款
me-none-title = 还没有付款
me-none-text = 扫商家的收款码即可付款，收据会保存在这里。
not-me-title = 这不是您付的？
not-me-text = 请立即冻结账户：在您与我们核实之前，无人能用它付款。随后请联系商家，商家可以退款。
not-me-button = 冻结我的账户
not-me-back = 是我付的，返回
receipt-proof-promise = 签名承诺
receipt-short-balance = 余额不足。没有任何扣款。请充值后向商家索要新码。
receipt-stopped = 您已停止这笔付款。没有任何扣款。
code-unreadable-title = 无法识别此码
code-unreadable-text = 链接不完整或有误。没有任何扣款。请重新扫码。
day-limit-title = 超出当日限额
day-limit-text = 法规对此类收款码有每日限额。没有任何扣款。
frozen-now-title = 账户已冻结
frozen-now-text = 现在无人能用它付款。请将这笔付款告知商家，商家可以退款。
problem-amount = 请输入大于零的金额，例如 12.50。
method-balance = Tillward 余额

## 商家后台的其他文字
problem-code-name = 固定码需要名称，例如“一号柜台”。
problem-refund-much = 超出可退金额。
problem-refund-funds = 店铺余额不足以退款。
problem-refund-state = 这笔付款已无法退款。
problem-note = 请说明理由，它会与付款一起保存。
code-over = 此码已无法付款。
step-created = 已创建
step-scanned = 已扫码
step-confirmed = 已用支付密码确认
step-screened = 审核：{ $outcome }
step-paid = 已付款并入账
step-paused = 已暂停，等待付款人确认
step-review = 等待复核
step-reviewed = { $who }已复核
step-declined = 未通过
step-declined-funds = 未通过：余额不足
step-declined-payer = 付款人已停止
step-declined-review = 复核未通过
step-refunded = 已退款 { $amount }
step-refund-waits = 退款 { $amount } 等待第二个人同意
step-cancelled = 商家已取消
step-expired = 已超时
step-waits = 等待买家
step-logged = 已写入日志
account-buyer = { $who }的余额
account-shop = { $who }的余额
account-reserve = { $who }的保证金
account-house = Tillward：{ $purpose }
feature-amount = 金额
feature-count-1h = 一小时内付款次数
feature-count-10m = 十分钟内付款次数
feature-up-to = 不超过 { $high }
feature-from-to = { $low } 至 { $high }
by-key = API 密钥 { $id }
by-system = 系统
reason-funds = 余额不足

passkey-pay = 使用通行密钥确认
passkey-challenge = 是我本人，使用通行密钥继续
passkey-or-pin = 或使用支付密码：
passkey-pay-refused = 通行密钥未被接受，未扣款。请重试或使用支付密码。
passkey-pay-locked = 通行密钥多次未通过，请使用支付密码，或一小时后再试。
## 终端与 API 客户端的证书
nav-certificates = 证书
certificates-text = 收银终端或店铺自己的系统用证书证明身份。在此生成登记码，在设备上输入一次；设备丢失时请吊销。
certificates-new = 生成登记码
certificates-new-code = { $name } 的登记码，仅显示这一次
certificates-code-until = 仅可使用一次，有效期至
certificates-none-title = 还没有证书
certificates-none-text = 为收银终端或 API 密钥生成登记码。设备用它登记一次，此后自动更新证书。
certificates-no-holder = 请先添加收银终端或 API 密钥。
certificates-holder = 终端或 API 密钥
certificates-purpose = 用途
certificates-ends = 到期时间
certificates-minutes = 登记码有效期
certificates-minutes-10 = 10 分钟
certificates-minutes-60 = 1 小时
certificates-minutes-1440 = 1 天
certificates-revoke = 吊销
certificates-revoke-named = 吊销 { $name }
certificates-active = 有效
certificates-ends-soon = 即将到期
certificates-renewed = 已更新
certificates-ended = 已到期
certificates-revoked = 已吊销
certificates-for-terminal = 收银终端
certificates-for-api_client = API 客户端
certificates-for-listener = 本机监听
certificates-for-authority = 内置证书机构
certificates-for-operator_authority = 自有证书机构
pin-factor-above = 金额超过 { $amount } 时，{ $shop } 要求使用通行密钥或完成第二步验证。
pin-factor-give = 先完成第二步验证，再输入支付密码
pin-factor-add = 先设置第二步验证，再付款
methods-title = 付款方式
methods-balance = 账户余额
methods-balance-none = 暂无余额。
methods-balance-text = 所有付款均从余额支付，由本服务的运营方充值。
methods-held = 另有 { $amount } 因付款处理中而冻结
methods-confirm = 确认付款的方式
methods-no-cards = 您的账户未保存任何银行卡或银行账户。
